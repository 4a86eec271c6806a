// One publisher in Redis, for when the database cannot be asked.
#include "store/leases.h"

#include "hosts_support.h"

using namespace ks;
using store::Lease;
using store::Leases;
using test::TwoHosts;
using Taken = Leases::Taken;

namespace {

struct World : TwoHosts {
    Leases one{a.store->shared()};
    Leases two{b.store->shared()};
    Id stream{"str_0000000000000000000001"};

    Lease lease(const char *of, const char *session, int64_t term) {
        return {stream, Id(of), Id(session), term};
    }
    Taken claim(Leases &who, Lease lease, int64_t seen) {
        return run(who.take(std::move(lease), seen));
    }
    // And its session is opened.
    Taken take(Leases &who, Lease lease, int64_t seen) {
        Taken taken = claim(who, lease, seen);
        return taken == Taken::yes ? keep(who, lease) : taken;
    }
    Taken keep(Leases &who, Lease lease) {
        return run(who.keep(std::move(lease)));
    }
};

} // namespace

static void one_of_two_gets_it(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 99) == Taken::no);
    // the zone of a host decides among its own
    assert_true(w.take(w.one, w.lease("a", "ses_3", 102), 0) == Taken::yes);
}

static void who_saw_it_may_take_it_over(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 100) == Taken::yes);
    assert_true(w.take(w.one, w.lease("a", "ses_3", 102), 100) == Taken::no);
}

// It is had against whoever comes, and ends nobody.
static void a_claim_is_not_yet_a_publisher(void **) {
    World w;
    assert_true(w.take(w.two, w.lease("b", "ses_2", 100), 0) == Taken::yes);
    Lease one = w.lease("a", "ses_1", 101);
    assert_true(w.claim(w.one, one, 100) == Taken::yes);
    Lease other = w.lease("b", "ses_3", 102);
    assert_true(w.claim(w.two, other, 100) == Taken::claimed);
    assert_true(w.keep(w.two, w.lease("b", "ses_2", 100)) == Taken::claimed);
    assert_true(w.keep(w.one, one) == Taken::yes);
    assert_true(w.claim(w.two, other, 100) == Taken::no);
    assert_true(w.keep(w.two, w.lease("b", "ses_2", 100)) == Taken::no);
    assert_true(w.run(w.two.put(w.lease("b", "ses_2", 100))) == Taken::yes);
    assert_true(w.keep(w.two, w.lease("b", "ses_2", 100)) == Taken::yes);
}

static void what_ended_is_in_nobodys_way(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    w.run(w.two.drop(w.lease("b", "ses_other", 200)));
    w.run(w.one.drop(w.lease("a", "", 99)));
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
    w.run(w.one.drop(w.lease("a", "ses_1", 0)));
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::yes);
    w.run(w.two.drop(w.lease("b", "", 101))); // whichever it was
    assert_true(w.take(w.one, w.lease("a", "ses_3", 102), 0) == Taken::yes);
}

static void it_is_kept_and_else_ends_by_itself(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    std::string key = "ks:p:" + w.stream.str();
    assert_true(std::stoll(w.redis.cli("PTTL " + key)) > Leases::kLasts - 5000);
    w.redis.cli("PEXPIRE " + key + " 5000");
    assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::yes);
    assert_true(std::stoll(w.redis.cli("PTTL " + key)) > Leases::kLasts - 5000);
    w.redis.cli("DEL " + key); // Redis lost all it had
    assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::yes);
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
}

static void an_older_claim_does_not_keep_it(void **) {
    World w;
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::yes);
    assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::no);
    assert_true(w.take(w.one, w.lease("a", "ses_1", 102), 100) == Taken::no);
    assert_true(w.keep(w.two, w.lease("b", "ses_2", 101)) == Taken::yes);
}

// Who can write to Redis: what is not ours is in nobody's way.
static void a_strangers_lease_gives_way(void **) {
    World w;
    std::string key = "ks:p:" + w.stream.str();
    std::string forged =
        "HSET " + key + " term 9000000000000000 host evil session ses_evil";
    w.redis.cli(forged);
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
    w.redis.cli(forged); // beside the seal that was there
    assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::yes);
    assert_text(w.redis.cli("HGET " + key + " session"), "ses_1");
    for (const char *junk : {"SET", "LPUSH"}) {
        w.redis.cli("DEL " + key);
        w.redis.cli(junk + (" " + key) + " garbage");
        assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::yes);
    }
    w.redis.cli("HSET " + key + " term x");
    assert_true(w.keep(w.one, w.lease("a", "ses_1", 100)) == Taken::yes);
    w.redis.cli("SET " + key + " garbage");
    w.run(w.one.drop(w.lease("a", "ses_1", 0)));
    assert_true(w.a.store->shared()->state().trouble.empty());
}

static void without_redis_nobody_knows(void **) {
    World w;
    Leases none{nullptr};
    assert_true(w.take(none, w.lease("a", "ses_1", 100), 0) == Taken::unknown);
    assert_true(w.keep(none, w.lease("a", "ses_1", 100)) == Taken::unknown);
    w.run(none.drop(w.lease("a", "ses_1", 0)));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two_gets_it),
        cmocka_unit_test(who_saw_it_may_take_it_over),
        cmocka_unit_test(a_claim_is_not_yet_a_publisher),
        cmocka_unit_test(what_ended_is_in_nobodys_way),
        cmocka_unit_test(it_is_kept_and_else_ends_by_itself),
        cmocka_unit_test(an_older_claim_does_not_keep_it),
        cmocka_unit_test(a_strangers_lease_gives_way),
        cmocka_unit_test(without_redis_nobody_knows),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
