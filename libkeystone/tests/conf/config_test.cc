#include "conf/config.h"

#include "../support/test.h"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using ks::conf::Config;
using Words = std::vector<std::string>;

namespace {

constexpr const char *kSecret = "0123456789abcdef0123456789abcdef";

std::string refused(Config &c, Words words) {
    auto done = c.directive(words);
    return done ? std::string() : done.error().detail;
}

void a_whole_block_is_read(void **) {
    setenv("TEST_JWT", kSecret, 1);
    Config c;
    for (const Words &words : std::vector<Words>{
             {"store", "postgresql://u:p@db/keystone", "pool=8", "queue=100",
              "timeout=2500ms", "pooler=transaction"},
             {"jwt_secret", "env:TEST_JWT"},
             {"jwt_secret", "another secret that is long enough, too"},
             {"edge_base_url", "https://live.example.org/"},
             {"rtmp_base_url", "rtmp://live.example.org:1935"},
             {"cors_origins", "https://App.example.org,http://localhost:5173"},
             {"srs_node", "srs_a", "api=127.0.0.1:1985", "rtmp=127.0.0.1:19"},
             {"ice_server", "stun:stun.example.org:3478"},
             {"ice_server", "turn:turn.example.org:3478", "username=u",
              "credential=c"},
             {"ice_server", "turns:turn.example.org:5349",
              "secret=env:TEST_JWT", "ttl=600"},
             {"rate_limit", "login", "10r/m", "burst=5"},
             {"registration", "closed"}}) {
        assert_text(refused(c, words), "");
    }
    assert_true(c.finish().ok());
    assert_text(c.jwt_secrets[0].reveal(), kSecret);
    assert_int_equal(c.jwt_secrets.size(), 2);
    assert_text(c.edge_base_url, "https://live.example.org");
    assert_text(c.cors_origins[0], "https://app.example.org");
    assert_int_equal(c.cors_origins.size(), 2);
    assert_text(c.srs_nodes[0].rtmp, "127.0.0.1:19");
    assert_int_equal(c.rate_limits["login"].count, 10);
    assert_int_equal(c.rate_limits["login"].burst, 5);
    assert_false(c.registration_open);
    assert_text(c.store_url.reveal(), "postgresql://u:p@db/keystone");

    Config copy = c.copy();
    assert_int_equal(copy.store.pool, 8);
    assert_int_equal(copy.store.queue, 100);
    assert_int_equal(copy.store.timeout, 2500);
    assert_true(copy.store.pooler);
    assert_text(copy.jwt_secrets[0].reveal(), kSecret);
    assert_text(copy.srs_nodes[0].name, "srs_a");
    assert_true(copy.ice_servers[0].is_open());
    assert_text(copy.ice_servers[1].credential.reveal(), "c");
    assert_int_equal(copy.ice_servers[1].ttl_seconds, 3600);
    assert_text(copy.ice_servers[2].secret.reveal(), kSecret);
    assert_int_equal(copy.ice_servers[2].ttl_seconds, 600);
    assert_false(copy.ice_servers[2].is_open());
}

// One nginx.conf for several places: what is for PostgreSQL may stand behind it.
void a_file_from_a_variable_takes_no_notice(void **) {
    setenv("TEST_STORE", "sqlite:a.db", 1);
    Config c;
    assert_text(refused(c, {"store", "env:TEST_STORE", "pool=4"}), "");
    assert_text(c.store_url.reveal(), "sqlite:a.db");
}

void an_empty_variable_is_as_if_not_written(void **) {
    unsetenv("TEST_UNSET");
    setenv("TEST_JWT", kSecret, 1);
    Config c;
    assert_text(
        refused(c, {"redis", "env:TEST_UNSET", "password=env:TEST_UNSET"}), "");
    assert_text(refused(c, {"edge_base_url", "env:TEST_UNSET"}), "");
    assert_text(refused(c, {"cors_origins", "env:TEST_UNSET"}), "");
    assert_text(refused(c, {"jwt_secret", "env:TEST_JWT"}), "");
    assert_text(refused(c, {"jwt_secret", "env:TEST_UNSET"}), "");
    assert_true(c.finish().ok());
    assert_text(c.store_url.reveal(), "sqlite:keystone.db");
}

// The database is never guessed from a variable that somebody forgot.
void a_store_that_names_nothing_is_an_error(void **) {
    unsetenv("TEST_UNSET");
    setenv("TEST_EMPTY", "", 1);
    for (const char *name : {"TEST_UNSET", "TEST_EMPTY"}) {
        Config c;
        std::string why = refused(c, {"store", std::string("env:") + name});
        assert_has(why,
                   std::string("environment variable ") + name + " is not set");
        assert_has(why, "put an address into it, sqlite:");
    }
    Config c;
    std::string why = refused(c, {"store", "file:/dev/null"});
    assert_has(why, "the file \"/dev/null\" is empty");
    Config none;
    assert_has(refused(none, {"store", ""}), "empty address");
}

void a_secret_comes_from_a_file(void **) {
    char path[] = "/tmp/ks-config-test-XXXXXX";
    int fd = mkstemp(path);
    std::string text = std::string("  ") + kSecret + "\n";
    assert_int_equal(write(fd, text.data(), text.size()), text.size());
    close(fd);
    Config c;
    assert_text(refused(c, {"jwt_secret", std::string("file:") + path}), "");
    assert_text(c.jwt_secrets[0].reveal(), kSecret);
    unlink(path);
    std::string why = refused(c, {"jwt_secret", std::string("file:") + path});
    assert_has(why, "No such file");
}

// What is wrong is named, and what to write instead.
void bad_values_are_refused_with_the_cure(void **) {
    struct Row {
        Words words;
        const char *says;
    };
    const Row rows[] = {
        {{"jwt_secret", "short"}, "5 bytes long, at least 32"},
        {{"jwt_secret", "short"}, "openssl rand"},
        {{"jwt_secret", "replace-me-with-the-output-of-openssl-rand"},
         "sample of the documentation"},
        {{"jwt_secret"}, "takes one value"},
        {{"store", "mysql://x"}, "store sqlite:"},
        {{"store", "hunter2@h/db"}, "postgresql://USER:PASSWORD@HOST"},
        {{"store"}, "needs an address"},
        {{"store", "a", "b"}, "takes one address"},
        {{"store", "sqlite:a", "pool=0"}, "from 1 to 100"},
        {{"store", "sqlite:a", "queue=x"}, "not a number"},
        {{"store", "sqlite:a", "timeout=5m"}, "100ms to 60s"},
        {{"store", "sqlite:a", "pooler=on"}, "\"transaction\""},
        {{"store", "sqlite:a", "pool=4"}, "for PostgreSQL: remove it"},
        {{"store", "sqlite:a", "pooler=transaction"}, "for PostgreSQL"},
        {{"store", "postgresql://h/d", "pool=4", "pool=5"},
         "\"pool=\" twice: remove one"},
        {{"store", "host=h", "password=hunter2"}, "stands in quotes"},
        {{"edge_base_url", "live.example.org"}, "https://live.example.org"},
        {{"edge_base_url", "ftp://live.example.org"}, "not a base address"},
        {{"cors_origins", "*"}, "not an origin"},
        {{"cors_origins", "https://*.example.org"}, "no wildcard"},
        {{"cors_origins", "https://a.example.org/"}, "not an origin"},
        {{"srs_node", "srs_a"}, "api=HOST:PORT"},
        {{"srs_node", "srs a", "api=h:1"}, "no name for a node"},
        {{"srs_node", "a", "api=h"}, "not WHAT=HOST:PORT"},
        {{"srs_node", "a", "api=h:0"}, "not WHAT=HOST:PORT"},
        {{"srs_node", "a", "apo=h:1"}, "not known to srs_node"},
        {{"srs_node", "a", "rtmp=h:1"}, "needs api="},
        {{"ice_server", "stun.example.org"}, "not a stun: or turn:"},
        {{"ice_server", "turn:h:1"}, "needs a secret, or a username"},
        {{"ice_server", "turn:h:1", "secret=env:TEST_UNSET"},
         "is the environment variable set?"},
        {{"ice_server", "turn:h:1", "username=u"}, "and a credential"},
        {{"ice_server", "turn:h:1", "secret=hunter2", "username=u"},
         "keep secret= and ttl=, or username= and credential="},
        {{"ice_server", "turn:h:1", "username=u", "credential=hunter2\""},
         "credential of ice_server has a character"},
        {{"ice_server", "turn:h:1", "secret=hunter2", "ttl=5"},
         "seconds for \"ttl\""},
        {{"ice_server", "turn:h:1", "sekret=hunter2"},
         "username, credential, secret, ttl"},
        {{"ice_server", "stun:h:1", "secret=hunter2"}, "only turn: does"},
        {{"rate_limit", "login", "10"}, "not a rate"},
        {{"rate_limit", "login", "0r/m"}, "not a number"},
        {{"rate_limit", "logon", "1r/m"}, "register, login"},
        {{"registration", "maybe"}, "\"open\" or \"closed\""},
        {{"no_such", "x"}, "unknown directive \"no_such\""},
    };
    for (const Row &row : rows) {
        Config c;
        std::string why = refused(c, row.words);
        assert_has(why, row.says);
        assert_true(why.find("hunter2") == std::string::npos);
    }
}

void what_may_stand_once_stands_once(void **) {
    Config c;
    assert_text(refused(c, {"store", "sqlite:a.db"}), "");
    std::string why = refused(c, {"store", "sqlite:b.db"});
    assert_has(why, "duplicate");
    assert_text(refused(c, {"srs_node", "a", "api=h:1"}), "");
    why = refused(c, {"srs_node", "a", "api=h:2"});
    assert_has(why, "duplicate");
}

void a_missing_secret_is_no_default_secret(void **) {
    Config c;
    auto done = c.finish();
    assert_false(done.ok());
    assert_has(done.error().detail, "openssl rand");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_block_is_read),
        cmocka_unit_test(a_file_from_a_variable_takes_no_notice),
        cmocka_unit_test(an_empty_variable_is_as_if_not_written),
        cmocka_unit_test(a_store_that_names_nothing_is_an_error),
        cmocka_unit_test(a_secret_comes_from_a_file),
        cmocka_unit_test(bad_values_are_refused_with_the_cure),
        cmocka_unit_test(what_may_stand_once_stands_once),
        cmocka_unit_test(a_missing_secret_is_no_default_secret),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
