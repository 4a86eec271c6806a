// Several hosts with a Redis, one of which cannot reach the store.
#include "hosts_support.h"

#include "../support/redis.h"

using namespace ks;
using namespace ks::test;
using model::EndReason;

namespace {

struct Redis { // before the hosts
    RealRedis redis;
};

struct SharedWorld : private Redis, HostsWorld {
    SharedWorld() : HostsWorld({}, redis.conf()) {}

    // `who` lets somebody in while it alone is without the store.
    Id publish_without_store(TestHost &who) {
        host.full = rt::Pool::store;
        Id session;
        assert_int_equal(admit(who, key, session).code, Code::ok);
        run(who.hosts->watch()); // and knows that it is
        host.full.reset();
        return session;
    }
    void look(TestHost &who) { run(who.hosts->look_at_lease(id)); }
    std::vector<zone::Kick> kicks(TestHost &who) {
        return who.table().kicks_of(who.sessions->pid(), loop.wall());
    }
    void goes_at_b(const Id &session) {
        auto all = kicks(b);
        assert_int_equal(all.size(), 1);
        assert_true(all[0].session == session);
    }
};

} // namespace

// Who came later stays, as everywhere else; the store does not know of it.
static void one_that_is_cut_off_takes_over(void **) {
    SharedWorld w;
    Id p = w.publish(w.b, w.key);
    w.turns();
    w.look(w.b);
    assert_int_equal(w.kicks(w.b).size(), 0);

    Id second = w.publish_without_store(w.a);
    w.look(w.b);
    auto kicks = w.kicks(w.b);
    assert_int_equal(kicks.size(), 1);
    assert_true(kicks[0].session == p);
    assert_int_equal(kicks[0].reason, EndReason::replaced);
    w.b.sessions->release(p, EndReason::replaced);
    w.look(w.a);
    assert_int_equal(w.kicks(w.a).size(), 0);
    // and it is the one when its host is back
    w.turns();
    assert_true(w.a.live(w.id)->publisher == second);
    assert_true(w.b.live(w.id)->publisher == second);
}

// What the store has decided since is not asked of Redis.
static void what_the_store_decides_later_counts(void **) {
    SharedWorld w;
    w.publish(w.b, w.key);
    w.turns();
    Id second = w.publish_without_store(w.a);
    w.b.turn();
    Id third;
    assert_int_equal(w.admit(w.b, w.key, third).code, Code::ok);
    w.until([&] { // its lease is written behind
        w.look(w.a);
        return !w.kicks(w.a).empty() || !w.a.end_of(second).empty();
    });
    w.look(w.b);
    for (const zone::Kick &kick : w.kicks(w.b)) {
        assert_false(kick.session == third);
    }
    w.turns();
    assert_true(w.b.live(w.id)->publisher == third);
}

// Nobody is called, and nobody goes, for a claim that comes to nothing.
static void what_was_only_claimed_ends_nobody(void **) {
    SharedWorld w;
    Id p = w.publish(w.b, w.key);
    w.turns();
    std::vector<std::string> called;
    w.b.store->bus().on(
        "live", [&](std::string_view stream) { called.emplace_back(stream); });
    auto hear = [&](std::string_view last) {
        w.until([&] {
            return std::find(called.begin(), called.end(), last) !=
                   called.end();
        });
    };
    w.host.full = rt::Pool::store;
    model::Session s = w.claimant();
    auto claim = w.run(w.a.hosts->claim(s, 30, w.a.term(w.id)));
    assert_true(claim.won);
    w.host.full.reset();
    w.a.store->bus().publish("live", "after");
    hear("after");
    assert_int_equal(called.size(), 1);

    // found meanwhile, it may still be withdrawn
    w.b.turn();
    w.run(w.b.hosts->keep_leases());
    w.look(w.b);
    assert_int_equal(w.kicks(w.b).size(), 0);
    w.a.hosts->withdraw(w.id, s.id);

    // and the same, when it comes to something
    w.publish_without_store(w.a);
    hear(w.id.view());
    w.b.turn();
    w.run(w.b.hosts->keep_leases());
    w.goes_at_b(p);
}

// The store has no more of it than its claim, as its host cannot reach it.
static void who_is_open_in_redis_takes_over(void **) {
    SharedWorld w;
    Id p = w.publish(w.b, w.key);
    w.turns();
    w.claim(w.a);
    w.publish_without_store(w.a);
    w.b.turn();
    w.look(w.b);
    w.goes_at_b(p);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_cut_off_takes_over),
        cmocka_unit_test(what_the_store_decides_later_counts),
        cmocka_unit_test(what_was_only_claimed_ends_nobody),
        cmocka_unit_test(who_is_open_in_redis_takes_over),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
