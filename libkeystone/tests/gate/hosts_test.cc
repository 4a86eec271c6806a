#include "hosts_support.h"

#include <algorithm>

using namespace ks;
using namespace ks::test;
using model::Action;
using model::EndReason;
using model::Protocol;

static void hosts_know_each_other_by_their_zones(void **) {
    HostsWorld w;
    assert_false(w.a.id() == w.b.id());
    assert_true(is_id(prefix::kHost, w.a.id().view()));
    auto rows = w.run(w.a.store->hosts().all());
    assert_true(rows.ok());
    assert_int_equal(rows->size(), 2);
}

static void what_is_live_at_one_is_live_at_the_other(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    assert_text(w.b.status(w.id), "idle");
    w.turns();
    assert_text(w.b.status(w.id), "active");
    auto there = w.b.table().publisher_of(w.id, w.loop.wall());
    assert_true(there.has_value());
    assert_true(there->id == p && there->host == w.a.id());
    assert_text(there->client_ip.view(), "192.0.2.1");
    assert_true(w.b.live(w.id)->started_at == w.a.live(w.id)->started_at);
    // nobody else's to time, count or write
    assert_true(w.b.table().take_dirty(10, w.loop.wall()).empty());
    w.host.ahead += kHour;
    assert_true(w.b.table().sweep(w.loop.wall()).ended.empty());
    assert_text(w.b.end_of(p), "");
    assert_true(w.b.table().check(w.loop.wall()).ok());

    w.a.sessions->release(p, EndReason::kicked);
    w.turns();
    assert_text(w.b.status(w.id), "idle");
    assert_false(w.b.find(p).has_value());
}

static void one_publisher_among_all(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    std::string other = w.token(model::TokenKind::publish);
    Id second;
    // B has not heard of it yet: the claim tells
    auto admission = w.admit(w.b, other, second);
    assert_int_equal(admission.code, Code::already_publishing);
    assert_true(second.empty());
    assert_text(w.b.status(w.id), "connecting");
    w.turns();
    assert_text(w.a.end_of(p), "");
    assert_text(w.a.status(w.id), "active");
    admission = w.admit(w.b, other, second);
    assert_int_equal(admission.code, Code::already_publishing);
}

static void the_same_key_takes_it_over(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    // A's worker lets go of it as soon as it hears
    w.loop.spawn([](HostsWorld &world, Id session) -> rt::Task<void> {
        for (;;) {
            co_await world.a.one_turn();
            auto s = world.a.find(session);
            if (s->state == model::SessionState::closed) {
                break;
            }
        }
        world.a.sessions->release(session, EndReason::replaced);
        model::Session row = *world.a.find(session);
        row.host = world.a.id();
        std::vector<model::Session> rows{row};
        auto done = co_await world.a.store->sessions().write(std::move(rows));
        (void)done;
    }(w, p));
    Id second;
    auto admission = w.admit(w.b, w.key, second);
    assert_int_equal(admission.code, Code::ok);
    assert_text(w.a.end_of(p), "replaced");
    w.turns();
    assert_true(w.a.live(w.id)->publisher == second);
    assert_true(w.b.live(w.id)->publisher == second);
    auto row = w.run(w.a.store->sessions().by_id(p));
    assert_true(row.ok() && row->end_reason == EndReason::replaced);
    assert_int_equal(row->owner_pid, 0);
}

// Nothing came of it, before the host of whom it replaced heard of it.
static void a_takeover_that_fails_is_undone(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    Id second;
    auto admission = w.admit(w.b, w.key, second); // A does not go
    assert_int_equal(admission.code, Code::ok);
    assert_text(w.b.end_of(p), "replaced");
    w.b.sessions->release(second, EndReason::upstream);
    w.b.turn();
    assert_text(w.b.status(w.id), "reconnecting");
    w.turns();
    assert_text(w.a.end_of(p), "");
    assert_text(w.a.status(w.id), "active");
    assert_text(w.b.status(w.id), "active");
    assert_true(w.b.live(w.id)->publisher == p);
    assert_true(w.b.table().check(w.loop.wall()).ok());
    w.a.sessions->release(p, EndReason::kicked);
    w.turns();
    assert_text(w.b.status(w.id), "idle");
}

static void many_claim_at_once(void **) {
    HostsWorld w;
    store::StreamPatch patch;
    patch.takeover = model::Takeover::reject;
    w.change(patch);
    constexpr int kMany = 12;
    std::vector<Id> opened(kMany);
    int allowed = 0;
    int done = 0;
    auto one = [](HostsWorld &world, TestHost &h, Id &session, int &in,
                  int &over) -> rt::Task<void> {
        gate::Question q;
        q.action = Action::publish;
        q.protocol = Protocol::rtmp;
        q.stream = world.id.view();
        q.credential = world.key;
        q.client_ip = "192.0.2.1";
        gate::Applicant who;
        who.action = Action::publish;
        who.protocol = Protocol::rtmp;
        who.owner_pid = 1;
        gate::Arrival arrival{*h.access, *h.sessions, world.loop, nullptr,
                              q,         who,         session,    nullptr};
        auto admission = co_await gate::admit(arrival);
        in += admission.ok() ? 1 : 0;
        over++;
    };
    for (int i = 0; i < kMany; i++) {
        w.loop.spawn(
            one(w, i % 2 == 0 ? w.a : w.b, opened[size_t(i)], allowed, done));
    }
    w.until([&] { return done == kMany; });
    assert_int_equal(allowed, 1);
    w.turns();
    assert_true(w.a.live(w.id)->publisher == w.b.live(w.id)->publisher);
}

// What ends the sessions of a token finds none yet.
static void what_is_revoked_during_a_claim_is_not_let_in(void **) {
    HostsWorld w;
    w.publish(w.a, w.key); // so that all is known in the zone
    std::string text = w.token(model::TokenKind::publish);
    store::StreamPatch patch;
    patch.takeover = model::Takeover::replace;
    w.change(patch);
    w.turns();
    Id first;
    assert_int_equal(w.admit(w.a, text, first).code, Code::ok);
    Id token = w.a.find(first)->token_id;
    w.a.sessions->release(first, EndReason::client);
    w.turns();

    bool revoked = false;
    w.loop.spawn([](TestHost &h, Id id, bool &done) -> rt::Task<void> {
        auto row = co_await h.store->tokens().revoke(id);
        done = row.ok();
    }(w.a, token, revoked));
    Id second; // its claim is written after that
    auto admission = w.admit(w.a, text, second);
    assert_true(revoked);
    assert_int_equal(admission.code, Code::token_revoked);
    assert_true(second.empty());
    w.turns();
    assert_true(w.a.live(w.id)->publisher.empty());
    assert_true(w.b.live(w.id)->publisher.empty());
    auto rows = w.run(w.a.store->live().one(w.id));
    assert_true(rows.ok());
    assert_true(rows->empty() || rows->front().publisher.id.empty());
    w.until([&] { return w.open_in_history() == 0; });
}

static void a_window_is_kept_at_all_hosts(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    w.a.sessions->release(p, EndReason::client);
    w.turns();
    assert_text(w.b.status(w.id), "reconnecting");
    Id other;
    std::string token = w.token(model::TokenKind::publish);
    assert_int_equal(w.admit(w.b, token, other).code, Code::already_publishing);
    assert_int_equal(w.admit(w.b, w.key, other).code, Code::ok);
    w.turns();
    assert_text(w.a.status(w.id), "connecting");
    // and it ends by itself
    w.b.sessions->release(other, EndReason::client);
    w.turns();
    w.host.ahead += kMinute;
    assert_text(w.a.status(w.id), "idle");
    assert_int_equal(w.admit(w.a, token, other).code, Code::ok);
}

static void a_store_that_is_away_stops_no_publisher(void **) {
    HostsWorld w;
    Id warm;
    assert_int_equal(w.admit(w.a, w.key, warm).code, Code::ok);
    w.a.sessions->release(warm, EndReason::kicked);
    w.turns();
    w.host.full = rt::Pool::store;
    Id p;
    assert_int_equal(w.admit(w.a, w.key, p).code, Code::ok);
    w.a.table().media(p, 1, 0, w.loop.wall());
    w.host.full.reset();
    assert_text(w.b.status(w.id), "idle");
    w.turns();
    assert_text(w.b.status(w.id), "active");
    assert_true(w.b.live(w.id)->publisher == p);
}

// Both were let in while the store was away: one stays.
static void two_publishers_become_one(void **) {
    HostsWorld w;
    Id warm;
    for (TestHost *h : {&w.a, &w.b}) {
        assert_int_equal(w.admit(*h, w.key, warm).code, Code::ok);
        h->sessions->release(warm, EndReason::kicked);
        w.turns();
    }
    w.host.full = rt::Pool::store;
    Id pa;
    Id pb;
    assert_int_equal(w.admit(w.a, w.key, pa).code, Code::ok);
    w.host.ahead += 1000;
    assert_int_equal(w.admit(w.b, w.key, pb).code, Code::ok);
    w.host.full.reset();
    w.turns();
    assert_true(w.a.live(w.id)->publisher == pb);
    assert_true(w.b.live(w.id)->publisher == pb);
    assert_text(w.a.end_of(pa), "replaced");
    assert_text(w.b.end_of(pb), "");
}

static void sessions_are_ended_from_anywhere(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    Id v;
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::not_live);
    w.turns();
    assert_true(w.b.sessions->end_session(p, EndReason::kicked));
    assert_text(w.b.status(w.id), "idle");
    w.until([&] {
        w.a.turn();
        auto s = w.a.table().kicks_of(w.a.sessions->pid(), w.loop.wall());
        return !s.empty();
    });
    // it is not shown again until its host says what became of it
    w.b.turn();
    assert_text(w.b.status(w.id), "idle");
}

static void a_session_is_found_from_anywhere(void **) {
    HostsWorld w;
    Id p;
    assert_int_equal(
        w.admit(w.a, w.key, p, Action::publish, Protocol::srt).code, Code::ok);
    w.a.table().media(p, 1, 0, w.loop.wall());
    Id v;
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::ok);
    // at once: nothing was written behind yet
    auto found = w.run(w.b.hosts->look_up(v));
    assert_true(found && found->host == w.a.id());
    assert_true(w.b.find(v)->host == w.a.id());
    assert_true(!w.b.live(w.id) || w.b.live(w.id)->viewers == 0);

    assert_true(w.run(w.b.hosts->link(v, "run1", "c1", "vid")));
    assert_false(w.run(w.b.hosts->link(v, "run1", "c2", "vid")));
    assert_true(w.run(w.b.hosts->link(v, "run1", "c1", "vid")));
    w.a.turn();
    assert_text(w.a.find(v)->srs_client.view(), "c1");
    assert_true(w.a.find(v)->active_at > 0);
    auto by_name = w.run(w.b.hosts->look_up("srs_a", "run1", "c1"));
    assert_true(by_name && by_name->id == v);

    w.b.hosts->end(*found, EndReason::client);
    assert_text(w.b.end_of(v), "client");
    w.until([&] {
        w.a.turn();
        return w.a.end_of(v) == "client";
    });
    // its end is known where it is shown
    assert_int_equal(w.admit(w.a, w.key, v, Action::play, Protocol::srt).code,
                     Code::ok);
    w.run(w.b.hosts->look_up(v));
    w.a.sessions->release(v, EndReason::client);
    w.turns();
    assert_text(w.b.end_of(v), "client");
}

// Its worker died between the claim and the session.
static void a_claim_of_nothing_is_withdrawn(void **) {
    HostsWorld w;
    w.claim(w.a);
    w.turns();
    assert_text(w.b.status(w.id), "connecting");
    assert_int_equal(w.open_in_history(), 1);
    w.host.ahead += 16 * kSecond;
    w.a.turn();
    w.until([&] {
        w.b.turn();
        return w.b.status(w.id) == "idle";
    });
    assert_int_equal(w.open_in_history(), 0);
}

// Who publishes goes on, wherever that is known.
static void nobody_goes_for_a_claim_of_nothing(void **) {
    HostsWorld w;
    TestHost c(w, w.url, 3, {});
    Id p = w.publish(w.a, w.key);
    w.turns();
    auto publisher = [&] {
        auto rows = w.run(w.a.store->live().one(w.id));
        assert_true(rows.ok());
        return rows->front().publisher.id;
    };
    auto goes_on = [&] {
        return w.a.end_of(p).empty() && w.a.status(w.id) == "active" &&
               w.b.status(w.id) == "active" && w.b.live(w.id)->publisher == p;
    };
    for (TestHost *at : {&w.a, &w.b}) {
        auto claim = w.claim(*at);
        w.turns();
        assert_true(goes_on());
        model::Session s = w.claimant();
        auto again = w.run(at->hosts->claim(s, 30, claim.term));
        assert_true(again.won);
        at->hosts->withdraw(w.id, s.id);
        w.until([&] { return publisher().empty(); });
        auto stranger = w.run(c.hosts->claim(w.claimant(), 30, 0));
        assert_false(stranger.won); // it waits for who is there
        w.until([&] {
            w.turns();
            return publisher() == p;
        });
        assert_true(goes_on());
        auto late = w.run(c.hosts->claim(w.claimant(), 30, again.term));
        assert_false(late.won); // who decided on that nobody is there
    }
    // and what was told once is told no more
    w.host.ahead += kSecond;
    WallMs said = w.run(w.a.store->live().one(w.id))->front().live.seen_at;
    w.turns();
    assert_int_equal(w.run(w.a.store->live().one(w.id))->front().live.seen_at,
                     said);

    Id second;
    assert_int_equal(w.admit(w.b, w.key, second).code, Code::ok);
    w.turns();
    assert_text(w.a.end_of(p), "replaced");
    assert_true(w.a.live(w.id)->publisher == second);
}

// An encoder goes while it waits, and its claim is written all the same.
static void who_leaves_takes_its_claim_along(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    int64_t before = w.a.term(w.id);
    gate::Question q; // what it needs is known
    q.stream = w.id.view();
    q.credential = w.key;
    q.client_ip = "192.0.2.1";
    assert_true(w.run(w.b.access->authorize(q)).allowed());
    Id second;
    auto work = w.arrive(w.b, w.key, second);
    assert_false(work.start());
    work.destroy(); // the claim is on a thread of the store
    w.until([&] {
        w.turns();
        auto rows = w.run(w.a.store->live().one(w.id));
        return rows->front().term > before && rows->front().publisher.id == p;
    });
    assert_text(w.a.end_of(p), "");
    assert_int_equal(w.open_in_history(), 1);
}

// A worker of the other host died in between.
static void a_pending_claim_keeps_nobody_out(void **) {
    HostsWorld w;
    Id p = w.publish(w.b, w.key);
    w.turns();
    w.claim(w.a);
    w.b.turn();
    Id second;
    assert_int_equal(w.admit(w.b, w.key, second).code, Code::ok);
    assert_text(w.b.end_of(p), "replaced");
    w.turns();
    assert_true(w.a.live(w.id)->publisher == second);
}

// Redis let it in meanwhile, and in an older term.
static void a_claim_that_arrives_late_is_told_as_open(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    model::Session s = *w.a.find(p);
    s.host = w.a.id();
    store::LiveRow row;
    row.host = s.host;
    row.term = w.a.term(w.id) + 5;
    row.publisher = s;
    row.live.stream_id = w.id;
    row.live.publisher = p;
    auto claimed = w.run(w.a.store->live().claim(row, 0, s));
    assert_true(claimed->won);
    w.turns();
    auto rows = w.run(w.a.store->live().one(w.id));
    assert_false(rows->front().is_claim());
    assert_int_equal(rows->front().term, row.term);
    assert_int_equal(w.a.term(w.id), row.term);
    assert_text(w.b.status(w.id), "active");
}

// Its record has left the zone, and nobody was told yet.
static void a_publisher_comes_back_at_once(void **) {
    HostsWorld w;
    store::StreamPatch patch;
    patch.takeover = model::Takeover::reject;
    patch.reconnect_window_seconds = 0;
    w.change(patch);
    Id p = w.publish(w.a, w.key);
    w.turns();
    w.a.sessions->release(p, EndReason::client);
    w.a.table().sweep(w.loop.wall());
    assert_false(w.a.live(w.id).has_value());
    Id again;
    assert_int_equal(w.admit(w.a, w.key, again).code, Code::ok);
    w.turns();
    assert_true(w.b.live(w.id)->publisher == again);
}

// The store says no, and then nothing more.
static void a_claim_that_is_lost_stays_lost(void **) {
    HostsWorld w;
    w.publish(w.a, w.key);
    model::Session s;
    s.id = make_id(prefix::kSession, w.loop.entropy());
    s.stream_id = w.id;
    s.action = Action::publish;
    s.started_at = w.loop.wall();
    std::optional<gate::Hosts::Claim> claim;
    w.loop.spawn([](TestHost &h, model::Session session,
                    std::optional<gate::Hosts::Claim> &out) -> rt::Task<void> {
        out = co_await h.hosts->claim(std::move(session), 0, 0);
    }(w.b, s, claim));
    w.host.full = rt::Pool::store; // from its second question on
    w.until([&] { return claim.has_value(); });
    w.host.full.reset();
    assert_false(claim->won);
    assert_false(claim->ours);
}

static void an_end_that_was_not_told_is_an_error(void **) {
    HostsWorld w;
    Id p = w.publish(w.a, w.key);
    w.turns();
    model::Session theirs = *w.b.find(p);
    w.host.full = rt::Pool::store;
    auto told = w.run(w.b.hosts->end_surely(theirs, EndReason::kicked));
    assert_false(told.ok());
    assert_int_equal(told.error().code, Code::store_unavailable);
    assert_text(w.b.end_of(p), "");
    w.host.full.reset();
    told = w.run(w.b.hosts->end_surely(theirs, EndReason::kicked));
    assert_true(told.ok());
    assert_text(w.b.end_of(p), "kicked");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hosts_know_each_other_by_their_zones),
        cmocka_unit_test(what_is_live_at_one_is_live_at_the_other),
        cmocka_unit_test(one_publisher_among_all),
        cmocka_unit_test(the_same_key_takes_it_over),
        cmocka_unit_test(a_takeover_that_fails_is_undone),
        cmocka_unit_test(many_claim_at_once),
        cmocka_unit_test(what_is_revoked_during_a_claim_is_not_let_in),
        cmocka_unit_test(a_window_is_kept_at_all_hosts),
        cmocka_unit_test(a_store_that_is_away_stops_no_publisher),
        cmocka_unit_test(two_publishers_become_one),
        cmocka_unit_test(sessions_are_ended_from_anywhere),
        cmocka_unit_test(a_session_is_found_from_anywhere),
        cmocka_unit_test(a_claim_of_nothing_is_withdrawn),
        cmocka_unit_test(nobody_goes_for_a_claim_of_nothing),
        cmocka_unit_test(who_leaves_takes_its_claim_along),
        cmocka_unit_test(a_pending_claim_keeps_nobody_out),
        cmocka_unit_test(a_claim_that_arrives_late_is_told_as_open),
        cmocka_unit_test(a_publisher_comes_back_at_once),
        cmocka_unit_test(a_claim_that_is_lost_stays_lost),
        cmocka_unit_test(an_end_that_was_not_told_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
