// Two hosts at one database and one Redis.
#include "store/shared.h"

#include "hosts_support.h"
#include "store/rates.h"

using namespace ks;
using test::TwoHosts;
using zone::Counter;
using zone::Tier;

namespace {

constexpr zone::Rate kFive = zone::per_minute(5, 4); // five at once

// What the limit of gate/limits.cc does.
bool let_in(TwoHosts &hosts, TwoHosts::OneHost &at, std::string_view who) {
    bool in = at.zone().allow("login", who, hosts.host.now(), kFive) == 0;
    if (in) {
        at.store->rates()->count("login", who, kFive);
    }
    return in;
}

int let_in_all(TwoHosts &hosts, TwoHosts::OneHost &at, std::string_view who) {
    int count = 0;
    while (let_in(hosts, at, who)) {
        count++;
    }
    return count;
}

uint64_t asked(TwoHosts::OneHost &of) {
    return of.zone().counters().look_ups(zone::CacheKind::stream, Tier::store,
                                         true) +
           of.zone().counters().look_ups(zone::CacheKind::stream, Tier::store,
                                         false);
}

} // namespace

static void what_one_has_read_the_other_has(void **) {
    TwoHosts t;
    auto made = t.stream();
    t.settle();
    auto at_a = t.run(t.a.store->streams().get(made.stream.id));
    t.settle();
    auto at_b = t.run(t.b.store->streams().get(made.stream.id));
    assert_text(at_b->title, "First");
    assert_int_equal(at_b->version, at_a->version);
    assert_int_equal(asked(t.b), 0);
    assert_int_equal(t.hits(t.b, Tier::redis), 1);
    auto facts = t.run(t.b.store->streams().facts(made.stream.id));
    assert_true(facts->exists);
    assert_int_equal(t.hits(t.b, Tier::redis), 1); // from the zone
}

static void tokens_and_what_there_is_not(void **) {
    TwoHosts t;
    auto made = t.stream();
    model::Token wanted;
    wanted.stream_id = made.stream.id;
    wanted.allowed_ips = {"10.0.0.0/8"};
    wanted.viewer_ref = "v";
    auto token = t.run(t.a.store->tokens().create(wanted));
    t.settle();
    Sha256 hash = token->token.hash;
    Sha256 none = sha256("nobody has it");
    Id nowhere = make_id(prefix::kStream, t.loop.entropy());
    for (TwoHosts::OneHost *at : {&t.a, &t.b}) {
        auto facts = t.run(at->store->tokens().facts(hash));
        assert_text(facts->id.view(), token->token.id.view());
        assert_text(facts->allowed_ips.view(), "10.0.0.0/8");
        assert_text(facts->viewer_ref.view(), "v");
        assert_false(t.run(at->store->tokens().facts(none))->exists);
        assert_false(t.run(at->store->streams().facts(nowhere))->exists);
        t.settle();
    }
    assert_int_equal(t.hits(t.b, Tier::redis), 3);
    assert_true(std::stoi(t.redis.cli("PTTL ks:s:" + nowhere.str())) <= 5000);
}

static void a_change_is_felt_at_once(void **) {
    TwoHosts t;
    auto made = t.stream();
    t.settle();
    for (TwoHosts::OneHost *at : {&t.a, &t.b}) {
        auto got = t.run(at->store->streams().get(made.stream.id));
        assert_text(got->title, "First");
        t.settle();
    }
    t.title(made.stream.id, "Second");
    auto here = t.run(t.a.store->streams().get(made.stream.id));
    assert_text(here->title, "Second");
    t.until([&] {
        auto there = t.run(t.b.store->streams().get(made.stream.id));
        return there->title == "Second";
    });
    t.settle();
    std::string there =
        t.redis.cli("HGET ks:s:" + made.stream.id.str() + " v | tr -d '\\000'");
    assert_has(there, "Second"); // at once, for all others
    assert_true(there.find("First") == there.npos);
}

// The word on the bus alone makes others look: time hardly goes on, and they
// would look by themselves after 500 ms.
static void who_is_called_looks(void **) {
    TwoHosts t;
    auto looks = [&] {
        return t.b.zone().counters().get(Counter::store_queries);
    };
    t.host.stopped = t.host.PollHost::now();
    for (int i = 0; i < 3; i++) {
        t.settle();
        uint64_t before = looks();
        t.a.store->bus().publish("changed", "");
        Millis end = t.host.now() + 100;
        t.host.run(t.loop, [&] {
            t.host.ahead++; // each turn of the loop
            return looks() > before || t.host.now() > end;
        });
        assert_true(looks() > before);
    }
    t.host.stopped.reset();
}

static void a_written_change_is_called_out(void **) {
    TwoHosts t;
    int called = 0;
    t.b.store->bus().on("changed", [&](std::string_view) { called++; });
    auto made = t.stream();
    t.settle();
    assert_int_equal(called, 0); // nothing that others could know
    t.title(made.stream.id, "Second");
    t.until([&] { return called == 1; });
    store::StreamPatch patch;
    patch.title = "Third";
    auto refused = t.run(t.a.store->streams().patch(made.stream.id, patch, 99));
    assert_code(refused, precondition_failed);
    assert_true(t.run(t.a.store->streams().reset_key(made.stream.id)).ok());
    t.until([&] { return called >= 2; });
    assert_int_equal(called, 2);
}

static void without_redis_all_goes_on(void **) {
    TwoHosts t;
    auto made = t.stream();
    t.redis.kill();
    auto got = t.run(t.b.store->streams().get(made.stream.id));
    assert_text(got->title, "First");
    t.title(made.stream.id, "Second");
    t.until([&] { // by the database
        auto there = t.run(t.b.store->streams().get(made.stream.id));
        return there->title == "Second";
    });
    assert_false(t.a.store->shared_state().usable);
    assert_false(t.a.store->shared_state().trouble.empty());
    int gaps = 0;
    t.b.store->bus().gap = [&] { gaps++; };
    t.redis.start();
    t.up();
    assert_int_equal(gaps, 1);
    t.settle();
    assert_true(t.run(t.a.store->streams().get(made.stream.id)).ok());
}

static void a_limit_is_of_all_hosts(void **) {
    TwoHosts t;
    assert_int_equal(let_in_all(t, t.a, "ann"), 5);
    t.settle();
    assert_true(let_in(t, t.b, "ann")); // one, until b has heard
    t.settle();
    t.run(test::Runner::nap());
    assert_false(let_in(t, t.b, "ann"));
    assert_true(let_in(t, t.b, "bob"));
    t.settle();
    // two halves make a whole
    for (int i = 0; i < 2; i++) {
        assert_true(let_in(t, t.a, "eve"));
        t.settle();
        assert_true(let_in(t, t.b, "eve"));
        t.settle();
    }
    t.run(test::Runner::nap());
    int more = let_in_all(t, t.a, "eve") + let_in_all(t, t.b, "eve");
    assert_true(more <= 3);
    std::string keys = t.redis.cli("KEYS 'ks:*'");
    assert_has(keys, "ks:l:");
    for (const char *name : {"ann", "bob", "eve", "login"}) {
        assert_true(keys.find(name) == keys.npos);
    }
}

// Not only what may come at once.
static void a_limit_lasts_at_all_hosts(void **) {
    TwoHosts t;
    constexpr zone::Rate rate = zone::per_second(20, 0);
    int let_in = 0;
    Millis start = t.host.now();
    Millis passed = 0;
    while (passed < kSecond) {
        for (TwoHosts::OneHost *one : {&t.a, &t.b}) {
            if (one->zone().allow("login", "ann", t.host.now(), rate) == 0) {
                one->store->rates()->count("login", "ann", rate);
                let_in++;
            }
        }
        t.settle();
        passed = t.host.now() - start;
    }
    assert_true(let_in <= passed / 50 + 4);
}

static void without_redis_each_host_has_its_own(void **) {
    TwoHosts t;
    t.redis.freeze();
    assert_int_equal(let_in_all(t, t.a, "ann"), 5);
    assert_int_equal(let_in_all(t, t.b, "ann"), 5);
    t.until([&] { return !t.a.store->shared()->usable(); });
    assert_int_equal(let_in_all(t, t.a, "bob"), 5);
    t.redis.thaw();
    t.up();
}

static void what_redis_says_of_a_limit_is_bounded(void **) {
    TwoHosts t;
    assert_true(let_in(t, t.a, "ann"));
    t.settle();
    std::string key = t.redis.cli("KEYS 'ks:l:*'");
    t.redis.cli("SET " + key + " 99999999999999999");
    assert_true(let_in(t, t.a, "ann"));
    t.settle();
    t.run(test::Runner::nap());
    assert_false(let_in(t, t.a, "ann"));
    Millis wait = t.a.zone().allow("login", "ann", t.host.now(), kFive);
    assert_true(wait <= kMinute / 5 * 33);
    t.redis.cli("SET " + key + " garbage");
    t.host.ahead += 10 * kMinute;
    assert_int_equal(let_in_all(t, t.a, "ann"), 5);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_one_has_read_the_other_has),
        cmocka_unit_test(tokens_and_what_there_is_not),
        cmocka_unit_test(a_change_is_felt_at_once),
        cmocka_unit_test(who_is_called_looks),
        cmocka_unit_test(a_written_change_is_called_out),
        cmocka_unit_test(without_redis_all_goes_on),
        cmocka_unit_test(a_limit_is_of_all_hosts),
        cmocka_unit_test(a_limit_lasts_at_all_hosts),
        cmocka_unit_test(without_redis_each_host_has_its_own),
        cmocka_unit_test(what_redis_says_of_a_limit_is_bounded),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
