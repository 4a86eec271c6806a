// Conversations with a Redis that says what the test wants.
#include "redis/client.h"

#include "../support/redis.h"

using namespace ks;
using redis::Client;
using redis::Options;
using test::FakeRedis;
using test::Words;
using Kind = codec::Reply::Kind;

namespace {

Options options(const std::string &path) {
    Options o;
    o.path = path;
    return o;
}

struct World : test::Runner {
    FakeRedis server;
    Client client;

    explicit World(FakeRedis::Handler handler, size_t step = 0)
        : server(std::move(handler), step), client(options(server.path())) {}
    explicit World(FakeRedis::Handler handler, Options o)
        : server(std::move(handler)), client(with_path(std::move(o))) {}

    Options with_path(Options o) {
        o.path = server.path();
        return o;
    }
    void connect() {
        client.start();
        until([&] { return client.usable(); });
    }
    Result<codec::Reply> call(Words words) {
        return run(client.call(std::move(words)));
    }
    bool logged(std::string_view part) {
        return std::any_of(
            host.lines.begin(), host.lines.end(),
            [&](const std::string &l) { return l.find(part) != l.npos; });
    }
};

std::string echo(const Words &words) {
    if (words[0] == "ECHO") {
        return FakeRedis::bulk(words[1]);
    }
    return FakeRedis::hello(words);
}

} // namespace

static void the_hello_names_us(void **) {
    Options o;
    o.user = "ann";
    o.password = Secret("p w");
    o.db = 3;
    o.name = "edge";
    World w(echo, std::move(o));
    w.connect();
    auto seen = w.server.seen();
    assert_int_equal(seen.size(), 5);
    assert_true(seen[0] == (Words{"AUTH", "ann", "p w"}));
    assert_true(seen[1] == (Words{"SELECT", "3"}));
    assert_true(seen[2] == (Words{"CLIENT", "SETNAME", "edge"}));
    assert_true(seen[3] == (Words{"TIME"}));
    assert_true(seen[4] == (Words{"PING"}));
    assert_int_equal(w.client.opened_at(), 1'700'000'000'123'456);
}

static void answers_however_they_are_cut(void **) {
    for (size_t step : {size_t{1}, size_t{3}, size_t{0}}) {
        World w(echo, step);
        w.connect();
        auto got = w.call({"ECHO", "a\r\nb"});
        assert_true(got.ok());
        assert_text(got->text, "a\r\nb");
    }
}

static void many_go_in_one_pipeline(void **) {
    World w(echo);
    w.connect();
    std::vector<rt::Task<Result<codec::Reply>>> all;
    for (int i = 0; i < 500; i++) {
        Words words = {"ECHO", std::to_string(i)};
        all.push_back(w.client.call(std::move(words)));
        assert_false(all.back().start());
    }
    w.until([&] { return all.back().done(); });
    for (int i = 0; i < 500; i++) {
        auto got = all[static_cast<size_t>(i)].take();
        assert_text(got->text, std::to_string(i));
    }
    assert_int_equal(w.client.pending(), 0);
}

static void who_left_leaves_no_trace(void **) {
    World w(echo);
    w.connect();
    auto first = w.client.call({"ECHO", "first"});
    auto second = w.client.call({"ECHO", "second"});
    auto third = w.client.call({"ECHO", "third"});
    first.start();
    second.start();
    third.start();
    second.destroy();
    w.until([&] { return third.done(); });
    assert_text(first.take()->text, "first");
    assert_text(third.take()->text, "third");
    assert_int_equal(w.client.pending(), 0);
}

static void errors_are_told_apart(void **) {
    struct Row {
        const char *says;
        Code code;
        const char *detail;
        bool drops;
    };
    const Row rows[] = {
        {"-ERR unknown command 'ECHO', with args: hunter2", Code::internal,
         "refuses a command: ERR", false},
        {"-OOM command not allowed", Code::store_unavailable, "maxmemory",
         false},
        {"-MISCONF Redis is configured", Code::store_unavailable, "disk",
         false},
        {"-BUSY Redis is busy", Code::store_unavailable, "script", false},
        {"-NOPERM this user", Code::store_unavailable, "+@all", false},
        {"-READONLY You can't write", Code::store_unavailable, "replica", true},
        {"-LOADING Redis is loading", Code::store_unavailable, "loading", true},
        {"-NOAUTH Authentication required.", Code::store_unavailable,
         "password=", true},
        {"-MOVED 1 127.0.0.1:1", Code::store_unavailable, "Cluster", true},
    };
    for (const Row &row : rows) {
        World w([&](const Words &words) {
            return words[0] == "ECHO" ? row.says + std::string("\r\n")
                                      : FakeRedis::hello(words);
        });
        w.connect();
        auto got = w.call({"ECHO", "hunter2"});
        assert_row(row.says, !got.ok() && got.error().code == row.code);
        assert_has(got.error().detail, row.detail);
        assert_row(row.says, w.client.usable() == !row.drops);
        assert_row(row.says, !w.client.health().trouble.empty());
        assert_row(row.says, !w.logged("hunter2"));
        assert_row(row.says, w.host.lines.size() >= 1);
        if (row.drops) { // and is tried again
            w.until([&] { return w.client.generation() >= 2; });
        }
    }
}

static void a_hello_that_is_refused_says_why(void **) {
    struct Row {
        const char *command, *says, *trouble;
    };
    const Row rows[] = {
        {"PING", "-NOAUTH Authentication required.\r\n", "password="},
        {"AUTH", "-WRONGPASS invalid\r\n", "check user="},
        {"AUTH", "-ERR AUTH <password> called without any\r\n", "at all"},
        {"AUTH", "-ERR unknown command 'AUTH' with args 'hunter2'\r\n",
         "refuses AUTH"},
        {"SELECT", "-ERR DB index is out of range\r\n", "lower db="},
        {"PING", "-LOADING Redis is loading\r\n", "loading"},
        {"PING", "+HELLO\r\n", "does not speak"},
        {"TIME", "+HELLO\r\n", "does not speak"},
        {"TIME", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n", "does not speak"},
        {"TIME", "-NOPERM no\r\n", "does not let this user"},
        {"AUTH", "HTTP/1.1 400 Bad Request\r\n", "does not speak"},
        {"AUTH", "*100000000\r\n", "does not speak"},
        {"AUTH", "close", "closed the connection"},
        {"AUTH", "-DENIED Redis is running in protected mode\r\n",
         "protected mode"},
    };
    for (const Row &row : rows) {
        Options o;
        o.password = Secret("hunter2");
        o.db = 20;
        World w(
            [&](const Words &words) {
                return words[0] == row.command ? row.says
                                               : FakeRedis::hello(words);
            },
            std::move(o));
        w.client.start();
        w.until([&] { return w.server.connections() >= 2; });
        assert_false(w.client.usable());
        assert_has(w.client.health().trouble, row.trouble);
        assert_row(row.says, w.logged(row.trouble));
        assert_row(row.says, !w.logged("hunter2"));
    }
}

// Redis says it before it has read anything, so it comes in place of the answer
// to whatever is asked first, and then it closes.
static void one_that_lets_nobody_in_says_why(void **) {
    struct Row {
        const char *says, *trouble;
    };
    const Row rows[] = {
        {"-DENIED Redis is running in protected mode because protected mode is "
         "enabled and no password is set\r\n",
         "protected mode"},
        {"-ERR max number of clients reached\r\n", "maxclients"},
        {"-ERR max number of clients + cluster connections reached\r\n",
         "maxclients"},
    };
    for (const Row &row : rows) {
        for (int with : {0, 1, 2}) { // name, database, password
            Options o;
            o.db = with > 0 ? 3 : 0;
            o.password = Secret(with > 1 ? "hunter2" : "");
            World w([](const Words &) { return "close"; }, std::move(o));
            w.server.greeting = row.says;
            w.client.start();
            w.until([&] { return w.server.connections() >= 2; });
            assert_false(w.client.usable());
            assert_has(w.client.health().trouble, row.trouble);
            assert_row(row.says, w.logged(row.trouble));
        }
    }
}

static void a_name_that_is_refused_does_not_matter(void **) {
    World w([](const Words &words) {
        return words[0] == "CLIENT" ? "-NOPERM no\r\n"
                                    : FakeRedis::hello(words);
    });
    w.connect();
}

static void nobody_waits_for_one_that_is_away(void **) {
    test::Runner r;
    Client client(options("/nowhere/redis.sock"));
    client.start();
    auto work = client.call({"PING"});
    assert_true(work.start());
    auto got = work.take();
    assert_code(got, store_unavailable);
    assert_false(client.tell({"PING"}));
    r.until([&] { return !r.host.lines.empty(); });
    assert_has(client.health().trouble, "No such file");
    assert_has(r.host.lines[0], "redis unix:/nowhere/redis.sock: No such");
}

// One short wait, for those who asked; after that nobody waits.
static void one_that_hangs_is_dropped(void **) {
    Options o;
    o.timeout = 100;
    std::atomic<bool> hangs = false;
    World w([&](const Words &words) { return hangs ? "" : echo(words); },
            std::move(o));
    w.connect();
    hangs = true;
    auto first = w.client.call({"ECHO", "1"});
    auto second = w.client.call({"ECHO", "2"});
    first.start();
    second.start();
    w.until([&] { return first.done() && second.done(); });
    auto got = first.take();
    assert_code(got, store_unavailable);
    assert_false(w.client.usable());
    assert_has(w.client.health().trouble, "does not answer");
    auto third = w.client.call({"ECHO", "3"});
    assert_true(third.start());
    hangs = false;
    w.until([&] { return w.client.usable(); });
    assert_true(w.call({"ECHO", "4"}).ok());
    assert_true(w.logged("connected again"));
}

// What has come meanwhile is read before it is taken for a Redis that hangs.
static void a_worker_that_was_stopped_is_not_its_fault(void **) {
    std::atomic<bool> waits = false;
    std::string large(40'000, 'x'); // more than is read at once
    Options o;
    o.timeout = 3000;
    World w(
        [&](const Words &words) {
            while (waits) {
                usleep(1000);
            }
            return words[0] == "ECHO" ? FakeRedis::bulk(large) : echo(words);
        },
        std::move(o));
    w.connect();
    waits = true;
    auto first = w.client.call({"ECHO", "1"});
    auto second = w.client.call({"ECHO", "2"});
    first.start();
    second.start();
    w.until([&] { return w.server.count("ECHO") == 1; });
    int before = w.server.answers();
    waits = false;
    auto all = [&] { return w.server.answers() == before + 2; };
    w.stall(all, 3 * kSecond);
    w.until([&] { return first.done() && second.done(); });
    auto got = first.take();
    assert_true(got.ok());
    got = second.take();
    assert_true(got.ok());
    assert_true(w.client.usable());
    assert_int_equal(w.client.generation(), 1);
    assert_false(w.logged("does not answer"));
}

static void garbage_ends_the_connection(void **) {
    World w([](const Words &words) {
        return words[0] == "ECHO" ? "!garbage\r\n" : FakeRedis::hello(words);
    });
    w.connect();
    auto got = w.call({"ECHO", "x"});
    assert_code(got, store_unavailable);
    assert_has(w.client.health().trouble, "does not speak Redis's protocol");
    w.until([&] { return w.client.generation() == 2; });
}

static void an_answer_too_many_ends_it(void **) {
    World w([](const Words &words) {
        return words[0] == "ECHO" ? "+1\r\n+2\r\n" : FakeRedis::hello(words);
    });
    w.connect();
    assert_true(w.call({"ECHO", "x"}).ok());
    w.until([&] { return w.client.generation() == 2; });
    assert_true(w.logged("nobody asked"));
}

static void an_answer_too_large_ends_it(void **) {
    World w([](const Words &words) {
        return words[0] == "ECHO" ? FakeRedis::bulk(std::string(2 << 20, 'x'))
                                  : FakeRedis::hello(words);
    });
    w.connect();
    auto got = w.call({"ECHO", "x"});
    assert_code(got, store_unavailable);
    assert_has(w.client.health().trouble, "too large");
}

static void a_large_command_goes_in_pieces(void **) {
    World w(echo);
    w.connect();
    std::string large(700'000, 'x');
    auto got = w.call({"ECHO", large});
    assert_true(got.ok());
    assert_true(got->text == large);
}

static void what_is_pending_is_bounded(void **) {
    std::atomic<bool> slow = true;
    Options o;
    o.timeout = 5000;
    World w(
        [&](const Words &words) {
            return words[0] == "ECHO" && slow ? "" : echo(words);
        },
        std::move(o));
    w.connect();
    size_t taken = 0;
    while (w.client.tell({"ECHO", "x"})) {
        taken++;
    }
    assert_int_equal(taken, Client::kMaxPending);
    auto work = w.client.call({"ECHO", "x"});
    assert_true(work.start());
    auto got = work.take();
    assert_code(got, overloaded);
}

static void a_script_is_sent_whole_when_it_is_not_known(void **) {
    static const redis::Script script("return 1");
    assert_text(script.sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    std::atomic<bool> known = false;
    World w([&](const Words &words) -> std::string {
        if (words[0] == "EVALSHA") {
            return known ? ":1\r\n" : "-NOSCRIPT No matching script.\r\n";
        }
        if (words[0] == "EVAL") {
            known = true;
            return ":1\r\n";
        }
        return FakeRedis::hello(words);
    });
    w.connect();
    for (int i = 0; i < 2; i++) {
        Words args = {"key", "arg"};
        auto got = w.run(w.client.run(script, 1, std::move(args)));
        assert_true(got.ok());
        assert_int_equal(got->number, 1);
    }
    assert_int_equal(w.server.count("EVAL"), 1);
    auto seen = w.server.seen();
    assert_true(seen[4] == (Words{"EVAL", "return 1", "1", "key", "arg"}));
    assert_text(w.client.health().trouble, "");
}

static void an_idle_connection_is_looked_after(void **) {
    std::atomic<bool> hangs = false;
    Options o;
    o.timeout = 100;
    World w([&](const Words &words) { return hangs ? "" : echo(words); },
            std::move(o));
    w.connect();
    w.host.ahead += Client::kPingEvery;
    w.until([&] { return w.server.count("PING") == 2; });
    w.until([&] { return w.client.pending() == 0; });
    assert_true(w.client.usable());
    hangs = true;
    w.host.ahead += Client::kPingEvery;
    w.until([&] { return !w.client.usable(); });
}

static void tries_are_ever_further_apart(void **) {
    World w([](const Words &) { return "close"; });
    w.client.start();
    w.until([&] { return w.server.connections() >= 3; });
    // moved on by half of the longest pause it is still not due
    for (int i = 0; i < 20; i++) {
        w.host.ahead += redis::Link::kRetryMax;
        int before = w.server.connections();
        w.until([&] { return w.server.connections() > before; });
    }
    int before = w.server.connections();
    w.until([&] { return !w.client.usable(); });
    w.host.ahead += redis::Link::kRetryMax / 2 - 200;
    for (int i = 0; i < 10; i++) {
        w.run(test::Runner::nap());
    }
    assert_int_equal(w.server.connections(), before);
}

static void it_may_go_while_somebody_waits(void **) {
    FakeRedis server([](const Words &words) {
        return words[0] == "ECHO" ? "" : FakeRedis::hello(words);
    });
    test::Runner r;
    auto client = std::make_unique<Client>(options(server.path()));
    client->start();
    r.until([&] { return client->usable(); });
    auto work = client->call({"ECHO", "x"});
    work.start();
    r.run(test::Runner::nap());
    client.reset();
    r.until([&] { return work.done(); });
    auto got = work.take();
    assert_code(got, store_unavailable);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_hello_names_us),
        cmocka_unit_test(answers_however_they_are_cut),
        cmocka_unit_test(many_go_in_one_pipeline),
        cmocka_unit_test(who_left_leaves_no_trace),
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(a_hello_that_is_refused_says_why),
        cmocka_unit_test(one_that_lets_nobody_in_says_why),
        cmocka_unit_test(a_name_that_is_refused_does_not_matter),
        cmocka_unit_test(nobody_waits_for_one_that_is_away),
        cmocka_unit_test(one_that_hangs_is_dropped),
        cmocka_unit_test(a_worker_that_was_stopped_is_not_its_fault),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(an_answer_too_many_ends_it),
        cmocka_unit_test(an_answer_too_large_ends_it),
        cmocka_unit_test(a_large_command_goes_in_pieces),
        cmocka_unit_test(what_is_pending_is_bounded),
        cmocka_unit_test(a_script_is_sent_whole_when_it_is_not_known),
        cmocka_unit_test(an_idle_connection_is_looked_after),
        cmocka_unit_test(tries_are_ever_further_apart),
        cmocka_unit_test(it_may_go_while_somebody_waits),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
