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
    Taken take(Leases &who, Lease lease, int64_t seen) {
        return run(who.take(std::move(lease), seen));
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

static void what_ended_is_in_nobodys_way(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    w.run(w.two.drop(w.stream, Id("ses_other")));
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
    w.run(w.one.drop(w.stream, Id("ses_1")));
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::yes);
}

static void it_is_kept_and_else_ends_by_itself(void **) {
    World w;
    assert_true(w.take(w.one, w.lease("a", "ses_1", 100), 0) == Taken::yes);
    std::string key = "ks:p:" + w.stream.str();
    assert_true(std::stoll(w.redis.cli("PTTL " + key)) > Leases::kLasts - 5000);
    w.redis.cli("PEXPIRE " + key + " 5000");
    assert_true(w.run(w.one.keep(w.lease("a", "ses_1", 100))));
    assert_true(std::stoll(w.redis.cli("PTTL " + key)) > Leases::kLasts - 5000);
    w.redis.cli("DEL " + key); // Redis lost all it had
    assert_true(w.run(w.one.keep(w.lease("a", "ses_1", 100))));
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::no);
}

static void an_older_claim_does_not_keep_it(void **) {
    World w;
    assert_true(w.take(w.two, w.lease("b", "ses_2", 101), 0) == Taken::yes);
    assert_true(w.run(w.one.keep(w.lease("a", "ses_1", 100))));
    assert_true(w.take(w.one, w.lease("a", "ses_1", 102), 100) == Taken::no);
}

static void without_redis_nobody_knows(void **) {
    World w;
    Leases none{nullptr};
    assert_true(w.take(none, w.lease("a", "ses_1", 100), 0) == Taken::unknown);
    assert_false(w.run(none.keep(w.lease("a", "ses_1", 100))));
    w.run(none.drop(w.stream, Id("ses_1")));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two_gets_it),
        cmocka_unit_test(who_saw_it_may_take_it_over),
        cmocka_unit_test(what_ended_is_in_nobodys_way),
        cmocka_unit_test(it_is_kept_and_else_ends_by_itself),
        cmocka_unit_test(an_older_claim_does_not_keep_it),
        cmocka_unit_test(without_redis_nobody_knows),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
