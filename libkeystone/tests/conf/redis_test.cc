#include "conf/redis.h"

#include "../support/test.h"

#include <cstdlib>

using namespace ks;
using conf::Redis;
using Words = std::vector<std::string>;

namespace {

Redis read(Words words) {
    words.insert(words.begin(), "redis");
    Redis redis;
    auto done = conf::set_redis(redis, words);
    if (!done) {
        print_error("%s\n", done.error().detail.c_str());
    }
    assert_true(done.ok());
    return redis;
}

std::string refused(Words words) {
    words.insert(words.begin(), "redis");
    Redis redis;
    auto done = conf::set_redis(redis, words);
    assert_false(done.ok());
    return done.error().detail;
}

} // namespace

static void addresses(void **) {
    struct Row {
        const char *text, *address;
    };
    for (const Row &row : std::initializer_list<Row>{
             {"127.0.0.1:6380", "127.0.0.1:6380"},
             {"redis", "redis:6379"},
             {"[::1]:6380", "[::1]:6380"},
             {"[::1]", "[::1]:6379"},
             {"unix:/run/redis.sock", "unix:/run/redis.sock"},
             {"redis://cache.example.org", "cache.example.org:6379"},
             {"redis://u:p%40ss@h:7000/3", "h:7000"},
             {"rediss://:p@[::1]:7000/", "[::1]:7000"}}) {
        assert_text(read({row.text}).address(), row.address);
    }
}

static void a_url_says_it_all(void **) {
    Redis redis = read({"rediss://ann:p%40s:s@h:7000/3"});
    assert_text(redis.user, "ann");
    assert_text(redis.password.reveal(), "p@s:s");
    assert_int_equal(redis.db, 3);
    assert_true(redis.tls);
    assert_false(read({"redis://h"}).tls);
    // a word of its own wins
    assert_text(read({"redis://:a@h", "password=b"}).password.reveal(), "b");
}

static void options(void **) {
    setenv("TEST_PASSWORD", "hunter2", 1);
    Redis redis =
        read({"h", "password=env:TEST_PASSWORD", "user=ann", "db=2", "tls=on",
              "name=edge-1", "prefix=live:", "timeout=250ms", "ca=/dev/null"});
    assert_text(redis.password.reveal(), "hunter2");
    assert_text(redis.user, "ann");
    assert_int_equal(redis.db, 2);
    assert_true(redis.tls);
    assert_text(redis.name, "edge-1");
    assert_text(redis.prefix, "live:");
    assert_int_equal(redis.timeout, 250);
    assert_int_equal(read({"h", "timeout=2s"}).timeout, 2000);
    assert_text(redis.copy().password.reveal(), "hunter2");
    assert_text(redis.copy().ca, "/dev/null");
    assert_int_equal(redis.copy().timeout, 250);
}

static void an_empty_address_is_no_redis(void **) {
    unsetenv("TEST_UNSET");
    setenv("TEST_PASSWORD", "hunter2", 1);
    assert_false(Redis().used());
    assert_false(read({"env:TEST_UNSET", "password=env:TEST_UNSET"}).used());
    assert_false(read({"env:TEST_UNSET", "password=env:TEST_PASSWORD",
                       "user=ann", "tls=on"})
                     .used());
    assert_true(read({"h", "password=env:TEST_UNSET"}).used());
}

static void bad_values_are_refused_with_the_cure(void **) {
    struct Row {
        Words words;
        const char *says;
    };
    const Row rows[] = {
        {{}, "redis unix:"},
        {{"::1"}, "redis 127.0.0.1:6379"},
        {{"::1:6379"}, "redis 127.0.0.1:6379"},
        {{"h:0"}, "redis://HOST"},
        {{"h:70000"}, "redis://HOST"},
        {{"h:"}, "redis://HOST"},
        {{"[::1"}, "redis://HOST"},
        {{"[::1]x:1"}, "redis://HOST"},
        {{"http://h"}, "rediss://HOST"},
        {{"redis://"}, "redis://HOST"},
        {{"redis://h/x"}, "db=1"},
        {{"redis://:a%zz@h"}, "%25"},
        {{"redis://:a/hunter2@h"}, "%2F"},
        {{"unix:run/redis.sock"}, "whole path"},
        {{"unix:/" + std::string(107, 'x')}, "107 bytes"},
        {{"h", "hunter2"}, "password="},
        {{"h", "sekret=hunter2"}, "password="},
        {{"h", "db=-1"}, "db=1"},
        {{"h", "db=1", "db=2"}, "\"db=\" twice"},
        {{"h", "password=hunter2", "password=hunter2"}, "twice"},
        {{"h", "tls=yes"}, "\"on\" or \"off\""},
        {{"h", "ca=/no/such/file", "tls=on"}, "No such file"},
        {{"h", "ca=/dev/null"}, "tls=on"},
        {{"h", "tls=off", "ca=/dev/null"}, "tls=on"},
        {{"redis://h", "ca=/dev/null"}, "rediss:"},
        {{"rediss://h", "tls=off"}, "remove one of the two"},
        {{"rediss://h", "ca=/dev/null", "tls=off"}, "remove one of the two"},
        {{"unix:/s", "tls=on"}, "unix socket"},
        {{"h", "user=ann"}, "password=env:"},
        {{"h", "prefix=a b"}, "without blanks"},
        {{"h", "timeout=5"}, "50ms to 10s"},
        {{"h", "timeout=s"}, "50ms to 10s"},
        {{"h", "timeout=20ms"}, "50ms to 10s"},
    };
    for (const Row &row : rows) {
        std::string said = refused(row.words);
        assert_has(said, row.says);
        assert_true(said.find("hunter2") == said.npos);
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(a_url_says_it_all),
        cmocka_unit_test(options),
        cmocka_unit_test(an_empty_address_is_no_redis),
        cmocka_unit_test(bad_values_are_refused_with_the_cure),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
