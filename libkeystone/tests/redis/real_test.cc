// The client against a real Redis that is killed, stopped, starved and asks for
// passwords and certificates.
#include "redis/client.h"

#include "../support/redis.h"
#include "redis/subscriber.h"

using namespace ks;
using redis::Client;
using redis::Options;
using test::free_port;
using test::output_of;
using test::RealRedis;
using test::Words;

namespace {

Options at(const RealRedis &server) {
    Options o;
    o.path = server.path();
    return o;
}

struct World : test::Runner {
    Client client;

    explicit World(Options o) : client(std::move(o)) { client.start(); }
    void connect() {
        until([&] { return client.usable(); });
    }
    // Text of the answer, or of the error.
    std::string call(Words words) {
        auto got = run(client.call(std::move(words)));
        return got ? got->text : got.error().detail;
    }
    std::string refusal() {
        until([&] { return !host.lines.empty(); });
        return client.health().trouble;
    }
};

// A certificate for this name, signed by nobody else.
void make_certificate(const std::string &base, const std::string &name) {
    output_of("openssl req -x509 -newkey ec -pkeyopt "
              "ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test "
              "-addext subjectAltName=" +
              name + " -keyout " + base + ".key -out " + base + ".crt 2>&1");
}

} // namespace

static void passwords_users_and_databases(void **) {
    RealRedis server(
        {"requirepass hunter2",
         "user ann on >secret ~ks:* resetchannels &ks:* +@all -@admin "
         "-@dangerous"});
    {
        World w(at(server));
        assert_has(w.refusal(), "wants a password");
    }
    {
        Options o = at(server);
        o.password = Secret("wrong");
        World w(std::move(o));
        assert_has(w.refusal(), "check user=");
    }
    {
        Options o = at(server);
        o.password = Secret("hunter2");
        o.db = 3;
        World w(std::move(o));
        w.connect();
        assert_text(w.call({"SET", "ks:x", "in 3"}), "OK");
        std::string named = w.call({"CLIENT", "GETNAME"});
        assert_text(named, "keystone");
    }
    {
        Options o = at(server);
        o.user = "ann";
        o.password = Secret("secret");
        o.db = 3;
        World w(std::move(o));
        w.connect();
        assert_text(w.call({"GET", "ks:x"}), "in 3");
        assert_has(w.call({"GET", "other"}), "does not let this user");
        assert_true(w.client.usable());
    }
    {
        Options o = at(server);
        o.password = Secret("hunter2");
        o.db = 600;
        World w(std::move(o));
        assert_has(w.refusal(), "has no database 600");
    }
}

static void one_that_is_full(void **) {
    RealRedis server({"maxclients 1"});
    World first(at(server));
    first.connect();
    Options o = at(server);
    Client second(std::move(o));
    second.start();
    first.until([&] {
        return second.health().trouble.find("raise maxclients") !=
               std::string::npos;
    });
    assert_true(first.client.usable());
}

static void killed_and_started_again(void **) {
    RealRedis server;
    World w(at(server));
    w.connect();
    assert_text(w.call({"SET", "x", "1"}), "OK");
    server.kill();
    w.until([&] { return !w.client.usable(); });
    assert_has(w.call({"GET", "x"}), "away");
    server.start();
    w.until([&] { return w.client.usable(); });
    assert_text(w.call({"SET", "x", "2"}), "OK");
}

static void stopped_for_a_while(void **) {
    RealRedis server;
    World w(at(server));
    w.connect();
    server.freeze();
    assert_has(w.call({"GET", "x"}), "away");
    auto next = w.client.call({"GET", "x"});
    assert_true(next.start()); // nobody else waits
    w.until([&] { return w.host.lines.size() >= 2; });
    server.thaw();
    w.until([&] { return w.client.usable(); });
    assert_text(w.call({"SET", "x", "2"}), "OK");
}

static void out_of_memory(void **) {
    RealRedis server({"maxmemory 3mb", "maxmemory-policy noeviction"});
    World w(at(server));
    w.connect();
    std::string large(500'000, 'x');
    std::string said;
    for (int i = 0; i < 10 && said.find("maxmemory") == said.npos; i++) {
        said = w.call({"SET", "x" + std::to_string(i), large});
    }
    assert_has(said, "raise maxmemory");
    assert_true(w.client.usable());
    assert_has(w.client.health().trouble, "raise maxmemory");
    w.call({"FLUSHALL"});
    assert_text(w.call({"SET", "x", "1"}), "OK");
}

static void a_replica_is_left(void **) {
    RealRedis server;
    World w(at(server));
    w.connect();
    server.cli("REPLICAOF 127.0.0.1 1");
    assert_has(w.call({"SET", "x", "1"}), "is a replica");
    assert_false(w.client.usable());
    server.cli("REPLICAOF NO ONE");
    w.until([&] { return w.client.usable(); });
    assert_text(w.call({"SET", "x", "1"}), "OK");
    // the same in a script, which Redis before 7 says in other words
    static const redis::Script write("return redis.call('SET', KEYS[1], '2')");
    server.cli("REPLICAOF 127.0.0.1 1");
    auto refused = w.run(w.client.run(write, 1, {"x"}));
    assert_false(refused.ok());
    assert_has(refused.error().detail, "is a replica");
    assert_false(w.client.usable());
}

static void scripts_that_were_flushed(void **) {
    static const redis::Script script("return ARGV[1]");
    RealRedis server;
    World w(at(server));
    w.connect();
    for (const char *word : {"one", "two", "three"}) {
        auto got = w.run(w.client.run(script, 0, {word}));
        assert_true(got.ok());
        assert_text(got->text, word);
        if (std::string_view(word) == "two") {
            server.cli("SCRIPT FLUSH");
        }
    }
    assert_text(server.cli("SCRIPT EXISTS " + script.sha()), "1");
}

static void a_channel_over_a_restart(void **) {
    RealRedis server;
    test::Runner r;
    redis::Subscriber subscriber(at(server), "ks:bus");
    int gaps = 0;
    std::vector<std::string> heard;
    subscriber.changed = [&](bool up) { gaps += up ? 1 : 0; };
    subscriber.heard = [&](std::string_view t) { heard.emplace_back(t); };
    subscriber.start();
    r.until([&] { return subscriber.up(); });
    assert_text(server.cli("PUBLISH ks:bus one"), "1");
    r.until([&] { return heard.size() == 1; });
    server.kill();
    r.until([&] { return !subscriber.up(); });
    server.start();
    r.until([&] { return subscriber.up(); });
    assert_int_equal(gaps, 2);
    server.cli("PUBLISH ks:bus two");
    r.until([&] { return heard.size() == 2; });
    assert_text(heard[1], "two");
}

static void certificates_are_checked(void **) {
    test::TempDir dir;
    make_certificate(dir.file("good"), "DNS:localhost,IP:127.0.0.1");
    make_certificate(dir.file("other"), "DNS:other.example.org");
    struct Row {
        const char *server, *ca, *host, *trouble; // nullptr: it works
    };
    const Row rows[] = {
        {"good", "good", "127.0.0.1", nullptr},
        {"good", "good", "localhost", nullptr},
        {"good", "other", "localhost", "its certificate is refused"},
        {"good", "", "localhost", "its certificate is refused"},
        {"other", "other", "127.0.0.1", "its certificate is refused"},
        {"other", "other", "localhost", "its certificate is refused"},
    };
    std::unique_ptr<RealRedis> server;
    std::string_view runs;
    int port = free_port();
    for (const Row &row : rows) {
        if (runs != row.server) {
            runs = row.server;
            server.reset();
            server = std::make_unique<RealRedis>(std::vector<std::string>{
                "tls-port " + std::to_string(port),
                "tls-cert-file " + dir.file(row.server) + ".crt",
                "tls-key-file " + dir.file(row.server) + ".key",
                "tls-auth-clients no", "requirepass hunter2"});
        }
        Options o;
        o.host = row.host;
        o.port = std::to_string(port);
        o.tls = true;
        o.ca = *row.ca != '\0' ? dir.file(row.ca) + ".crt" : "";
        o.password = Secret("hunter2");
        if (row.trouble == nullptr) {
            Options plain = o.copy();
            plain.tls = false;
            World w(std::move(plain));
            assert_has(w.refusal(), "does it want TLS?");
        }
        World w(std::move(o));
        if (row.trouble != nullptr) {
            assert_has(w.refusal(), row.trouble);
            assert_false(w.client.usable());
            continue;
        }
        w.connect();
        std::string large(300'000, 'x');
        assert_text(w.call({"SET", "x", large}), "OK");
        assert_true(w.call({"GET", "x"}) == large);
        server->kill();
        w.until([&] { return !w.client.usable(); });
        server->start();
        w.until([&] { return w.client.usable(); });
    }
}

static void tls_where_there_is_none(void **) {
    int port = free_port();
    RealRedis server({}, port);
    Options o;
    o.host = "127.0.0.1";
    o.port = std::to_string(port);
    Options plain = o.copy();
    o.tls = true;
    {
        World w(std::move(o));
        assert_has(w.refusal(), "does it speak TLS?");
        assert_false(w.client.usable());
    }
    World good(std::move(plain));
    good.connect();
}

int main() {
    if (!RealRedis::available()) {
        print_message("no redis-server here: make setup-unit\n");
        return 1;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(passwords_users_and_databases),
        cmocka_unit_test(one_that_is_full),
        cmocka_unit_test(killed_and_started_again),
        cmocka_unit_test(stopped_for_a_while),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(a_replica_is_left),
        cmocka_unit_test(scripts_that_were_flushed),
        cmocka_unit_test(a_channel_over_a_restart),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(tls_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
