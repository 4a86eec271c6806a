// The second level of the cache, in a real Redis.
#include "store/second.h"

#include "hosts_support.h"

using namespace ks;
using store::Second;
using test::RealRedis;
using test::TwoHosts;

namespace {

struct Levels : TwoHosts {
    Second second{*a.store->shared(), a.zone()};
    Second other{*b.store->shared(), b.zone()};

    Levels() {
        run(nap()); // a millisecond after the connection was made, at least
    }
    ~Levels() { loop.cancel_spawned(); }

    Second::Found find(Second &level, std::string name = "s:x") {
        return run(level.find(std::move(name)));
    }
    void fill(Second &level, const Second::Found &found, std::string_view value,
              std::string name = "s:x") {
        level.fill(name, found, value, kMinute);
        settle();
    }
    std::string cli(const std::string &words) { return redis.cli(words); }
};

} // namespace

static void one_host_fills_the_other_finds(void **) {
    Levels l;
    auto none = l.find(l.second);
    assert_false(none.value.has_value());
    assert_int_equal(none.stamp.size(), 16);
    l.fill(l.second, none, "hello\n");
    auto there = l.find(l.other);
    assert_true(there.value == "hello\n");
    assert_true(there.age >= 0 && there.age < 5000);
    assert_text(there.stamp, none.stamp);
    assert_true(std::stoi(l.cli("PTTL ks:s:x")) > 50'000);
}

// Whatever comes between reading the database and filling, in any order.
static void what_was_read_before_a_change_never_comes_in(void **) {
    Levels l;
    auto mine = l.find(l.second);
    auto others = l.find(l.other);
    assert_text(mine.stamp, others.stamp);
    l.second.forget("s:x");
    l.settle();
    l.fill(l.other, others, "old");
    l.fill(l.second, mine, "old");
    assert_false(l.find(l.other).value.has_value());
    assert_int_equal(l.b.zone().counters().get(zone::Counter::stale_fills), 1);
    auto anew = l.find(l.other);
    l.fill(l.other, others, "old"); // somebody asks anew, the old one is late
    assert_false(l.find(l.other).value.has_value());
    l.fill(l.other, anew, "new");
    assert_true(l.find(l.other).value == "new");
}

static void an_emptied_redis_brings_nothing_old_back(void **) {
    Levels l;
    auto before = l.find(l.second);
    l.cli("FLUSHALL");
    l.fill(l.second, before, "old");
    assert_false(l.find(l.second).value.has_value());
    before = l.find(l.second);
    l.redis.kill();
    l.until([&] { return !l.a.store->shared()->usable(); });
    l.redis.start();
    l.up();
    l.fill(l.second, before, "old");
    assert_false(l.find(l.second).value.has_value());
}

// The change cannot be told: the connection is gone, and nobody knows it yet.
static void a_lost_word_leaves_nothing_stale(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "old");
    assert_true(l.find(l.second).value == "old");
    uint64_t before = l.a.store->shared()->generation();
    l.cli("CLIENT KILL TYPE normal SKIPME yes");
    l.second.forget("s:x");
    l.until([&] { return l.a.store->shared()->generation() > before; });
    l.up();
    l.settle();
    assert_text(l.cli("HEXISTS ks:s:x v"), "1"); // there it is
    assert_false(l.find(l.second).value.has_value());
    l.fill(l.second, l.find(l.second), "new");
    assert_true(l.find(l.second).value == "new");
}

static void a_redis_that_refuses_leaves_nothing_stale(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "old");
    l.cli("ACL SETUSER default -del");
    l.second.forget("s:x");
    l.settle();
    l.settle();
    assert_false(l.find(l.second).value.has_value());
}

// The word is under way, or somebody puts the old value back.
static void what_was_read_before_a_change_is_not_believed(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "old");
    std::string dump = l.dir.file("dump");
    l.cli("--raw DUMP ks:s:x | head -c -1 > " + dump);
    l.run(test::Runner::nap());
    l.second.forget("s:x");
    l.settle();
    assert_text(l.cli("-x RESTORE ks:s:x 0 < " + dump), "OK");
    assert_true(l.find(l.other).value == "old"); // it has not heard of it
    auto found = l.find(l.second);
    assert_false(found.value.has_value());
    l.run(test::Runner::nap());
    l.fill(l.second, found, "new"); // at once, as all that is read
    assert_true(l.find(l.other).value == "new");
}

static void nothing_is_believed_for_ever(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "old");
    std::string dump = l.dir.file("dump");
    auto found = l.find(l.second);
    found.as_of -= (Second::kBelieved + kSecond) * 1000;
    l.fill(l.second, found, "older");
    assert_false(l.find(l.other).value.has_value());
}

static void nobody_waits_for_a_slow_one(void **) {
    Levels l;
    l.redis.freeze();
    auto found = l.find(l.second);
    assert_false(found.value.has_value());
    assert_true(l.a.store->shared()->usable()); // it is not even noticed yet
    l.redis.thaw();
}

// Whoever may write to Redis may not say what is in our database.
static void a_value_that_is_not_ours_is_none(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "good");
    l.fill(l.second, l.find(l.second, "s:y"), "of y", "s:y");
    assert_true(l.find(l.second, "s:y").value == "of y");
    l.cli("COPY ks:s:y ks:s:x REPLACE"); // under another name
    assert_false(l.find(l.second).value.has_value());
    for (std::string_view junk : {"''", "x", "'$(head -c 9 /dev/zero)'"}) {
        l.cli("HSET ks:s:x v " + std::string(junk));
        assert_false(l.find(l.second).value.has_value());
    }
    l.cli("EVAL \"local v = redis.call('HGET', KEYS[1], 'v') "
          "return redis.call('HSET', KEYS[2], 'v', string.sub(v, 1, 9) .. 'X' "
          ".. string.sub(v, 11))\" 2 ks:s:y ks:s:y");
    assert_false(l.find(l.second, "s:y").value.has_value());
    l.cli("SET ks:s:z text"); // not even a hash
    auto found = l.find(l.second, "s:z");
    assert_false(found.value.has_value());
    assert_text(found.stamp, "");
}

static void another_secret_sees_nothing(void **) {
    Levels l;
    l.fill(l.second, l.find(l.second), "good");
    store::Bus bus;
    store::Shared shared(l.redis.conf(), "another secret", bus);
    shared.start();
    l.until([&] { return shared.usable(); });
    Second stranger(shared, l.b.zone());
    auto found = l.run(stranger.find("s:x"));
    assert_false(found.value.has_value());
    l.loop.cancel_spawned();
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_host_fills_the_other_finds),
        cmocka_unit_test(what_was_read_before_a_change_never_comes_in),
        cmocka_unit_test(an_emptied_redis_brings_nothing_old_back),
        cmocka_unit_test(a_lost_word_leaves_nothing_stale),
        cmocka_unit_test(a_redis_that_refuses_leaves_nothing_stale),
        cmocka_unit_test(what_was_read_before_a_change_is_not_believed),
        cmocka_unit_test(nothing_is_believed_for_ever),
        cmocka_unit_test(nobody_waits_for_a_slow_one),
        cmocka_unit_test(a_value_that_is_not_ours_is_none),
        cmocka_unit_test(another_secret_sees_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
