// What hosts show and know of each other beside who publishes: viewers, bans,
// and all of it however much there is.
#include "hosts_support.h"

#include "gate/bans.h"

using namespace ks;
using namespace ks::test;
using model::Action;
using model::EndReason;
using model::Protocol;

static void viewers_are_counted_together(void **) {
    HostsWorld w;
    w.publish(w.a, w.key);
    w.turns();
    std::vector<Id> viewers;
    for (int i = 0; i < 3; i++) {
        viewers.push_back(w.watch(w.b, w.key));
    }
    w.turns();
    assert_int_equal(w.a.live(w.id)->viewers, 3);
    assert_int_equal(w.b.live(w.id)->viewers, 3);
    store::StreamPatch patch;
    patch.max_viewers = 3;
    w.change(patch);
    Id one;
    assert_int_equal(w.admit(w.a, w.key, one, Action::play).code,
                     Code::viewer_limit);
    w.b.sessions->release(viewers[0], EndReason::client);
    w.turns();
    assert_int_equal(w.a.live(w.id)->viewers, 2);
    assert_int_equal(w.admit(w.a, w.key, one, Action::play).code, Code::ok);
    assert_true(w.a.table().check(w.loop.wall()).ok());
    assert_true(w.b.table().check(w.loop.wall()).ok());
}

// Its leading worker was killed, and the next one has none to count.
static void a_count_that_was_left_behind_is_taken_back(void **) {
    HostsWorld w;
    w.publish(w.a, w.key);
    w.turns();
    Id v = w.watch(w.b, w.key);
    w.turns();
    assert_int_equal(w.a.live(w.id)->viewers, 1);
    w.b.hosts.emplace(*w.b.store, *w.b.sessions, *w.b.upstream, w.loop);
    w.b.sessions->release(v, EndReason::client);
    w.turns(); // it reads what it has told
    w.turns();
    assert_int_equal(w.b.live(w.id)->viewers, 0);
    assert_int_equal(w.a.live(w.id)->viewers, 0);
}

static void of_many_audiences_each_is_told(void **) {
    HostsWorld w;
    constexpr size_t kMany = store::LiveMap::kMaxBatch + 20;
    auto now = [&] { return w.loop.wall(); };
    for (size_t i = 0; i < kMany; i++) {
        model::StreamFacts facts;
        facts.exists = facts.enabled = true;
        facts.id = make_id(prefix::kStream, w.loop.entropy());
        model::Session s;
        s.id = make_id(prefix::kSession, w.loop.entropy());
        s.stream_id = facts.id;
        s.action = Action::publish;
        s.started_at = s.seen_at = now();
        assert_true(w.a.table().open_publisher(s, facts, Id(), now(), 1).ok());
        s.id = make_id(prefix::kSession, w.loop.entropy());
        s.action = Action::play;
        assert_true(w.a.table().open_viewer(s, 0, {}, now()).ok());
    }
    w.run(w.a.hosts->count());
    store::LivePlace first;
    auto rows = w.run(w.b.store->live().all_counted(first));
    assert_true(rows.ok());
    assert_int_equal(rows->size(), kMany);
}

// More than one answer of a database holds.
static void of_many_streams_none_is_left_out(void **) {
    HostsWorld w;
    constexpr size_t kMany = sql::Database::kMaxRows + 50;
    constexpr std::string_view kNumbers =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < $1) ";
    const std::string publishers =
        std::string(kNumbers) +
        "INSERT INTO live SELECT printf('str_%022d', i), 1, $2,"
        " printf('ses_%022d', i), '', '', 'rtmp', '', '192.0.2.9', 1, $3, $3,"
        " 0, 30, $3 FROM n";
    const std::string viewers = std::string(kNumbers) +
                                "INSERT INTO audience SELECT"
                                " printf('str_%022d', i), $2, 2, $3 FROM n";
    auto db = sql::open(w.url);
    assert_true(db.ok());
    Id elsewhere("hst_0000000000000000000000");
    auto make = [&](const std::string &text) {
        sql::Statement statement{"", text, sql::Access::write};
        auto made = w.run(
            (*db)->query(statement, sql::params(static_cast<int64_t>(kMany),
                                                elsewhere, w.loop.wall())));
        assert_true(made.ok());
    };
    TestHost c(w, w.url, 3, {}, size_t{96} << 20);
    size_t live = 0;
    size_t watched = 0;
    auto look = [&] {
        live = watched = 0;
        w.run(c.hosts->read(true));
        c.memory.zone().live().each(
            w.loop.wall(), [&](const Id &, const zone::LiveRecord &r) {
                live += r.live.publisher.empty() ? 0 : 1;
                watched += r.elsewhere == 2 ? 1 : 0;
            });
    };
    make(publishers);
    make(viewers);
    look();
    assert_int_equal(live, kMany);
    assert_int_equal(watched, kMany);
    make("DELETE FROM live WHERE term < $1 AND host = $2 AND updated_at <= $3");
    look(); // and who is gone is seen to be
    assert_int_equal(live, 0);
}

static void bans_hold_at_all_hosts(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    model::Session s = *w.a.find(p);
    auto bans = gate::bans_of(s, w.loop.wall() + kMinute);
    assert_true(w.run(w.a.store->bans().add(std::move(bans))).ok());
    w.b.turn();
    Id second;
    assert_int_equal(w.admit(w.b, w.key, second).code, Code::banned);
    // and at one that was not there yet
    TestHost c(w, w.url, 3, {});
    w.run(c.hosts->read(true));
    assert_int_equal(w.admit(c, w.key, second).code, Code::banned);
    w.host.ahead += kMinute;
    assert_int_not_equal(w.admit(w.b, w.key, second).code, Code::banned);
}

// It was kicked at A, and was at B before B knew.
static void a_ban_cannot_be_outrun(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    Id early;
    assert_int_equal(
        w.admit(w.b, w.key, early, Action::play, Protocol::srt).code,
        Code::not_live);
    assert_int_equal(w.admit(w.b, w.key, early, Action::play).code, Code::ok);
    w.host.ahead += kMinute;
    model::Session s = *w.a.find(p);
    assert_true(w.a.sessions->end_session(p, EndReason::kicked));
    w.a.sessions->release(p, EndReason::kicked);
    w.turns();
    Id second;
    assert_int_equal(w.admit(w.b, w.key, second).code, Code::ok);
    auto bans = gate::bans_of(s, w.loop.wall() + kMinute);
    assert_true(w.run(w.a.store->bans().add(std::move(bans))).ok());
    w.run(w.b.hosts->read(true)); // which may come first
    w.b.turn();
    // and not the viewer, who was here before
    auto kicks = w.b.table().kicks_of(w.b.sessions->pid(), w.loop.wall());
    assert_int_equal(kicks.size(), 1);
    assert_true(kicks[0].session == second);
    assert_int_equal(kicks[0].reason, EndReason::kicked);
    assert_int_equal(w.admit(w.b, w.key, second).code, Code::banned);
}

static void of_many_bans_none_is_left_out(void **) {
    HostsWorld w;
    constexpr size_t kMany = store::Bans::kPage * 2 + 7;
    auto address = [](size_t i) {
        return "10.0." + std::to_string(i / 250) + '.' +
               std::to_string(i % 250);
    };
    std::vector<store::Ban> bans;
    for (size_t i = 0; i < kMany; i++) {
        bans.push_back({w.id.str(), address(i), w.loop.wall() + kMinute, 0});
    }
    assert_true(w.run(w.a.store->bans().add(std::move(bans))).ok());
    TestHost c(w, w.url, 3, {}, size_t{96} << 20);
    w.run(c.hosts->read(true));
    for (size_t i = 0; i < kMany; i++) {
        Millis left = gate::banned(c.memory.zone(), Action::publish,
                                   w.id.view(), "", address(i), w.loop.now());
        assert_true(left > 0);
    }
}

static void a_short_ban_is_kept(void **) {
    ZoneMemory memory(4);
    zone::Zone &zone = memory.zone();
    Millis now = kMinute;
    auto left = [&] {
        return gate::banned(zone, Action::publish, "s", "", "192.0.2.1", now);
    };
    gate::keep_out(zone, {"s", "192.0.2.1", 0, 0}, now, kSecond / 2);
    assert_int_equal(left(), kSecond / 2);
    // told again it is the same one
    gate::keep_out(zone, {"s", "192.0.2.1", 0, 0}, now, kSecond);
    assert_int_equal(left(), kSecond / 2);
    gate::keep_out(zone, {"s", "192.0.2.1", 0, 0}, now, kMinute);
    assert_int_equal(left(), kMinute);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(viewers_are_counted_together),
        cmocka_unit_test(a_count_that_was_left_behind_is_taken_back),
        cmocka_unit_test(of_many_audiences_each_is_told),
        cmocka_unit_test(of_many_streams_none_is_left_out),
        cmocka_unit_test(bans_hold_at_all_hosts),
        cmocka_unit_test(a_ban_cannot_be_outrun),
        cmocka_unit_test(of_many_bans_none_is_left_out),
        cmocka_unit_test(a_short_ban_is_kept),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
