// Hosts that die, or end, and what becomes of what they had.
#include "hosts_support.h"

#include <algorithm>
#include <unistd.h>

using namespace ks;
using namespace ks::test;
using model::Action;
using model::EndReason;
using model::Protocol;

namespace {

Id on_node(HostsWorld &w, TestHost &h, std::string_view credential,
           std::string_view client) {
    Id p;
    assert_int_equal(
        w.admit(h, credential, p, Action::publish, Protocol::srt).code,
        Code::ok);
    h.table().claim(p, "run1", client, "vid", w.loop.wall());
    h.table().media(p, 1, 0, w.loop.wall());
    w.turns();
    return p;
}

void is_given_up(HostsWorld &w, const Id &p, EndReason reason) {
    auto mine = w.b.find(p);
    assert_true(!mine || mine->state == model::SessionState::closed);
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row.ok() && row->state == model::SessionState::closed);
    assert_int_equal(row->end_reason, reason);
    w.until([&] {
        w.b.turn();
        return w.b.status(w.id) != "active";
    });
}

} // namespace

static void a_silent_host_is_buried(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    std::string other = w.token(model::TokenKind::publish);
    Id second;
    assert_int_equal(w.admit(w.b, other, second).code,
                     Code::already_publishing);
    for (int i = 0; i < 8; i++) {
        w.host.ahead += kSecond;
        w.b.turn();
    }
    assert_text(w.b.status(w.id), "active"); // it may be busy
    for (int i = 0; i < 4; i++) {
        w.host.ahead += kSecond;
        w.b.turn();
    }
    assert_text(w.b.status(w.id), "reconnecting");
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row.ok() && row->state == model::SessionState::closed);
    auto hosts = w.run(w.b.store->hosts().all());
    assert_int_equal(hosts->size(), 1);

    // it was not dead at all: nobody publishes elsewhere, so it goes on
    w.turns();
    assert_text(w.a.status(w.id), "active");
    assert_text(w.a.end_of(p), "");
    assert_text(w.b.status(w.id), "active");
    row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row.ok() && row->state != model::SessionState::closed);
}

static void who_cannot_read_takes_nobody_for_dead(void **) {
    HostsWorld w;
    w.publish(w.a, w.key);
    w.turns();
    w.host.full = rt::Pool::store;
    for (int i = 0; i < 20; i++) {
        w.host.ahead += kSecond;
        w.run(w.b.hosts->watch());
    }
    w.host.full.reset();
    w.run(w.b.hosts->watch());
    assert_text(w.b.status(w.id), "active");
    assert_int_equal(w.run(w.b.store->hosts().all())->size(), 2);
}

static void what_a_node_has_goes_to_an_heir(void **) {
    HostsWorld w;
    Id p;
    assert_int_equal(
        w.admit(w.a, w.key, p, Action::publish, Protocol::srt).code, Code::ok);
    w.a.table().claim(p, "run1", "client1", "vid", w.loop.wall());
    w.a.table().media(p, 1, 0, w.loop.wall());
    Id v;
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::ok);
    w.turns();
    assert_int_equal(w.b.live(w.id)->viewers, 1);
    assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
    w.b.turn();
    auto mine = w.b.find(p);
    assert_true(mine && mine->host.empty());
    assert_text(mine->srs_client.view(), "client1");
    assert_text(w.b.status(w.id), "active");
    assert_int_equal(w.b.live(w.id)->viewers, 1);
    assert_true(w.b.find(v)->host.empty());
    assert_true(w.b.table()
                    .linked("srs_a", "run1", "client1", w.loop.wall())
                    .has_value());
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row->host == w.b.id());
    assert_true(w.b.table().check(w.loop.wall()).ok());

    // and one that comes back knows whose they are
    w.turns();
    assert_true(w.a.find(p)->host == w.b.id());
    assert_true(w.a.find(v)->host == w.b.id());
    assert_int_equal(w.a.live(w.id)->viewers, 1);
    assert_int_equal(w.b.live(w.id)->viewers, 1);
    assert_true(w.a.table().check(w.loop.wall()).ok());
}

// As nginx -s quit: each worker ends by itself, the last one says so.
static void the_last_worker_says_that_its_host_ends(void **) {
    HostsWorld w;
    zone::Workers &workers = w.a.memory.zone().workers();
    uint32_t other = workers.enter(getppid(), w.loop.wall());
    w.a.sessions->start();
    w.a.hosts->start();
    assert_false(w.a.sessions->retire());
    assert_true(workers.retire(other));
    Id p = w.publish(w.a, w.key);
    w.a.sessions->release(p, EndReason::kicked);
    w.loop.drain();
    auto left = [&] {
        auto rows = w.run(w.b.store->hosts().all());
        return rows && std::any_of(rows->begin(), rows->end(),
                                   [&](const store::HostRow &row) {
                                       return row.id == w.a.id() &&
                                              row.left_at != 0;
                                   });
    };
    w.until(left);
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row.ok() && row->end_reason == EndReason::kicked);
    w.b.turn();
    assert_int_equal(w.run(w.b.store->hosts().all())->size(), 1);
    workers.leave(other);
}

// Nobody at the dead one heard of it.
static void what_ended_meanwhile_is_not_inherited(void **) {
    {
        HostsWorld w;
        auto made = model::Token();
        made.stream_id = w.id;
        made.kind = model::TokenKind::publish;
        auto token = w.run(w.a.store->tokens().create(made));
        assert_true(token.ok());
        Id p = on_node(w, w.a, token->text.reveal(), "c1");
        Id id = token->token.id;
        assert_true(w.run(w.b.store->tokens().revoke(id)).ok());
        assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
        w.b.turn();
        is_given_up(w, p, EndReason::revoked);
    }
    {
        HostsWorld w;
        Id p = on_node(w, w.a, w.key, "c1");
        store::StreamPatch patch;
        patch.enabled = false;
        assert_true(w.run(w.b.store->streams().patch(w.id, patch)).ok());
        assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
        w.b.turn();
        is_given_up(w, p, EndReason::disabled);
    }
    {
        HostsWorld w;
        Id p = on_node(w, w.a, w.key, "c1");
        assert_true(w.b.sessions->end_session(p, EndReason::kicked));
        assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
        w.b.turn();
        is_given_up(w, p, EndReason::kicked);
    }
}

// Who ended it, its host and its heir are three; nobody but the store has all.
static void what_was_told_to_end_is_not_inherited(void **) {
    HostsWorld w;
    Id p = on_node(w, w.a, w.key, "c1");
    Id v;
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::ok);
    w.a.table().claim(v, "run1", "c2", "vid2", w.loop.wall());
    w.a.turn();
    for (const Id &id : {p, v}) {
        auto session = w.run(w.b.store->sessions().by_id(id));
        assert_true(session.ok());
        assert_true(
            w.run(w.b.hosts->end_surely(*session, EndReason::kicked)).ok());
    }
    w.a.flush(); // it has not heard, and writes what it knows
    assert_false(w.run(w.b.hosts->look_up(v)).has_value());
    assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());

    TestHost c(w, w.url, 3, {});
    c.turn();
    for (const Id &id : {p, v}) {
        auto row = w.run(c.store->sessions().by_id(id));
        assert_true(row.ok());
        assert_true(row->state == model::SessionState::closed);
        assert_int_equal(row->end_reason, EndReason::kicked);
        assert_true(row->host == c.id());
        auto there = c.find(id);
        assert_true(!there || there->state == model::SessionState::closed);
    }
}

// A third host does not wait for the next time that it reads all.
static void a_dead_hosts_viewers_are_gone_everywhere(void **) {
    HostsWorld w;
    w.publish(w.b, w.key);
    w.turns();
    w.watch(w.a, w.key);
    TestHost c(w, w.url, 3, {});
    w.turns();
    c.turn();
    assert_int_equal(c.live(w.id)->viewers, 1);
    assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
    w.b.turn();
    assert_int_equal(w.b.live(w.id)->viewers, 0);
    c.turn();
    assert_int_equal(c.live(w.id)->viewers, 0);
}

static void who_hears_of_an_end_shows_it(void **) {
    HostsWorld w;
    Id p = on_node(w, w.a, w.key, "c1");
    TestHost c(w, w.url, 3, {});
    c.turn();
    assert_text(c.status(w.id), "active");
    assert_true(w.b.sessions->end_session(p, EndReason::kicked));
    w.until([&] {
        assert_true(w.run(c.store->changes().poll()).ok());
        return c.status(w.id) != "active";
    });
    assert_text(c.end_of(p), "kicked");
}

// It was a replica when that was asked.
static void what_was_taken_over_meanwhile_is_not_closed_as_a_replica(void **) {
    HostsWorld w;
    on_node(w, w.a, w.key, "c1");
    Id v;
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::ok);
    w.a.turn();
    auto session = w.run(w.b.hosts->look_up(v));
    assert_true(session.has_value());
    assert_true(
        w.run(w.b.store->sessions().tell_end(v, EndReason::kicked)).ok());
    auto facts = w.run(w.b.store->streams().facts(w.id));
    assert_true(facts.ok());

    auto refresh = w.b.hosts->refresh();
    assert_false(refresh.start());
    assert_true(w.b.table().adopt(*session, *facts, 0, w.loop.wall()));
    w.until([&] { return refresh.done(); });
    assert_text(w.b.end_of(v), "");
    w.b.turn(); // and it is ended as one of this host's
    assert_text(w.b.end_of(v), "kicked");
}

// The store fails just when it is asked: nothing is taken over unjudged, and
// nothing is forgotten.
static void what_cannot_be_judged_waits(void **) {
    HostsWorld w;
    assert_true(w.run(w.b.hosts->recover())); // there is nothing yet
    model::Token wanted;
    wanted.stream_id = w.id;
    wanted.kind = model::TokenKind::publish;
    auto token = w.run(w.a.store->tokens().create(wanted));
    assert_true(token.ok());
    Id p = on_node(w, w.a, token->text.reveal(), "c1");
    Id id = token->token.id;
    assert_true(w.run(w.b.store->tokens().revoke(id)).ok());
    // as the heir that died, or lost the store, right after it had buried
    auto rows = w.run(w.b.store->hosts().all());
    auto dead = std::find_if(rows->begin(), rows->end(),
                             [&](const auto &r) { return r.id == w.a.id(); });
    assert_true(dead != rows->end());
    auto estate =
        w.run(w.b.store->hosts().bury(w.a.id(), dead->beats, w.b.id()));
    assert_true(estate.ok() && estate->ours);
    w.host.full_after = 1; // its rows are read, and no more
    assert_false(w.run(w.b.hosts->recover()));
    w.host.full_after.reset();
    auto here = w.b.find(p);
    assert_true(!here || !here->host.empty());

    assert_true(w.run(w.b.hosts->recover()));
    is_given_up(w, p, EndReason::revoked);
}

static void one_heir_buries(void **) {
    HostsWorld w;
    Id p = on_node(w, w.a, w.key, "c1");
    auto rows = w.run(w.b.store->hosts().all());
    auto dead = std::find_if(rows->begin(), rows->end(),
                             [&](const auto &r) { return r.id == w.a.id(); });
    assert_true(dead != rows->end());
    // it has beaten since
    auto early =
        w.run(w.b.store->hosts().bury(w.a.id(), dead->beats - 1, w.b.id()));
    assert_true(early.ok() && !early->ours);
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row->host == w.a.id());
    auto first =
        w.run(w.b.store->hosts().bury(w.a.id(), dead->beats, w.b.id()));
    assert_true(first.ok() && first->ours);
    assert_int_equal(first->sessions.size(), 1);
    Id other("hst_00000000000000000000000000");
    auto second = w.run(w.b.store->hosts().bury(w.a.id(), dead->beats, other));
    assert_true(second.ok() && !second->ours);
    auto live = w.run(w.b.store->live().one(w.id));
    assert_true(live->front().host == w.b.id());
}

// More than one call hands over: a stream stays with its session.
static void an_estate_of_two_heirs_is_not_torn(void **) {
    HostsWorld w;
    Id p = on_node(w, w.a, w.key, "c1");
    auto session = w.run(w.a.store->sessions().by_id(p));
    std::vector<model::Session> many;
    for (int i = 0; i < 600; i++) {
        model::Session s = *session;
        s.id = make_id(prefix::kSession, w.loop.entropy());
        s.action = Action::play;
        many.push_back(s);
    }
    // the publisher is of the last
    auto high =
        std::max_element(many.begin(), many.end(), [](auto &x, auto &y) {
            return x.id.view() < y.id.view();
        });
    high->action = Action::publish;
    Id publisher = high->id;
    for (size_t at = 0; at < many.size(); at += 200) {
        std::vector<model::Session> some(many.begin() + long(at),
                                         many.begin() + long(at) + 200);
        assert_true(w.run(w.a.store->sessions().write(std::move(some))).ok());
    }
    auto live = w.run(w.a.store->live().one(w.id));
    store::LiveRow row = live->front();
    row.publisher.id = publisher;
    row.live.publisher = publisher;
    std::vector<store::LiveRow> rows{row};
    assert_true(w.run(w.a.store->live().tell(rows)).ok());
    auto beats = w.run(w.a.store->hosts().all());
    int64_t n = 0;
    for (const auto &h : *beats) {
        n = h.id == w.a.id() ? h.beats : n;
    }
    auto half = w.run(w.b.store->hosts().bury(w.a.id(), n, w.b.id()));
    assert_true(half.ok() && half->more);
    live = w.run(w.b.store->live().one(w.id));
    assert_true(live->front().host == w.a.id());
    // its heir has died: who looks next finds what is left
    auto strays = w.run(w.b.store->hosts().strays());
    assert_true(strays.ok() && strays->size() == 1);
    Id other = make_id(prefix::kHost, w.loop.entropy());
    auto rest =
        w.run(w.b.store->hosts().bury(w.a.id(), store::Hosts::kNoRow, other));
    assert_true(rest.ok() && !rest->more);
    live = w.run(w.b.store->live().one(w.id));
    auto at = w.run(w.b.store->sessions().by_id(publisher));
    assert_true(live->front().host == other && at->host == other);
}

// As a worker that begins to lead after the machine was switched off.
static void of_a_large_estate_all_is_found_again(void **) {
    HostsWorld w;
    constexpr size_t kMany = store::Hosts::kPage + 50;
    TestHost c(w, w.url, 3, {}, size_t{96} << 20);
    std::vector<model::Session> rows;
    for (size_t i = 0; i < kMany; i++) {
        model::Session s;
        s.id = make_id(prefix::kSession, w.loop.entropy());
        s.stream_id = w.id;
        s.protocol = Protocol::srt;
        s.node.assign("srs_a");
        s.host = c.id();
        s.started_at = s.seen_at = w.loop.wall();
        rows.push_back(std::move(s));
        if (rows.size() == store::Sessions::kMaxBatch || i + 1 == kMany) {
            std::vector<model::Session> some = std::exchange(rows, {});
            auto written = w.run(c.store->sessions().write(std::move(some)));
            assert_true(written.ok());
        }
    }
    assert_true(w.run(c.hosts->recover()));
    size_t ours = 0;
    c.table().each(w.loop.wall(), [&](const model::Session &s) {
        ours += s.host.empty() ? 1 : 0;
    });
    assert_int_equal(ours, kMany);
}

// Killed before its first beat.
static void a_host_without_a_beat_is_buried(void **) {
    HostsWorld w;
    w.turns();
    ZoneMemory memory(7);
    store::LiveRow row;
    row.host = memory.zone().self();
    row.term = 1;
    row.live.stream_id = w.id;
    model::Session s;
    s.id = make_id(prefix::kSession, w.loop.entropy());
    s.stream_id = w.id;
    s.action = Action::publish;
    s.owner_pid = 1;
    s.started_at = w.loop.wall();
    s.host = row.host;
    row.publisher = s;
    auto claimed = w.run(w.a.store->live().claim(row, 0, s));
    assert_true(claimed.ok() && claimed->won);
    w.host.ahead += 31 * kSecond;
    w.turns();
    assert_text(w.a.status(w.id), "connecting"); // it may be new
    for (int i = 0; i < 4; i++) {
        w.host.ahead += 10 * kSecond;
        w.turns();
    }
    auto live = w.run(w.b.store->live().one(w.id));
    assert_true(live->front().publisher.id.empty());
    assert_text(w.a.status(w.id), "idle");
}

// Another worker of it leads by then.
static void its_next_leader_knows_that_it_was_buried(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
    w.b.turn();
    assert_text(w.b.status(w.id), "reconnecting");
    // as one that has never beaten
    w.a.hosts.emplace(*w.a.store, *w.a.sessions, *w.a.upstream, w.loop);
    w.turns();
    auto row = w.run(w.b.store->sessions().by_id(p));
    assert_true(row.ok() && row->state != model::SessionState::closed);
    assert_text(w.b.status(w.id), "active");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_host_is_buried),
        cmocka_unit_test(who_cannot_read_takes_nobody_for_dead),
        cmocka_unit_test(what_a_node_has_goes_to_an_heir),
        cmocka_unit_test(the_last_worker_says_that_its_host_ends),
        cmocka_unit_test(what_ended_meanwhile_is_not_inherited),
        cmocka_unit_test(what_was_told_to_end_is_not_inherited),
        cmocka_unit_test(a_dead_hosts_viewers_are_gone_everywhere),
        cmocka_unit_test(who_hears_of_an_end_shows_it),
        cmocka_unit_test(
            what_was_taken_over_meanwhile_is_not_closed_as_a_replica),
        cmocka_unit_test(what_cannot_be_judged_waits),
        cmocka_unit_test(one_heir_buries),
        cmocka_unit_test(an_estate_of_two_heirs_is_not_torn),
        cmocka_unit_test(of_a_large_estate_all_is_found_again),
        cmocka_unit_test(a_host_without_a_beat_is_buried),
        cmocka_unit_test(its_next_leader_knows_that_it_was_buried),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
