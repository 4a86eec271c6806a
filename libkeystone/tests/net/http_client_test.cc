#include "net/http_client.h"

#include "../store/support.h"
#include "../support/http_server.h"

#include <sys/resource.h>

using namespace ks;
using ks::test::HttpServer;

namespace {

net::HttpAsk ask(const std::string &where, Millis deadline = 2000) {
    net::HttpAsk a;
    a.host_port = where;
    a.target = "/api/v1/versions";
    a.deadline = deadline;
    return a;
}

} // namespace

static void asks_and_reads(void **) {
    test::Runner r;
    std::string seen;
    HttpServer server([&](const HttpServer::Request &request) {
        seen = request.text;
        return HttpServer::json("{}");
    });
    net::HttpAsk a = ask(server.address());
    a.method = "POST";
    a.content_type = "text/plain";
    a.body = "hello";
    auto answer = r.run(net::http_call(a));
    assert_true(answer.ok());
    assert_int_equal(answer->status, 200);
    assert_text(answer->body, "{}");
    assert_has(seen, "POST /api/v1/versions HTTP/1.1\r\nHost: 127.0.0.1:");
    assert_has(seen, "Content-Length: 5\r\n");
}

static void a_name_is_looked_up(void **) {
    test::Runner r;
    HttpServer server([](const auto &) { return HttpServer::json("{}"); });
    std::string port = server.address().substr(9);
    assert_true(r.run(net::http_call(ask("localhost" + port))).ok());
    r.host.full = rt::Pool::store; // known by now
    assert_true(r.run(net::http_call(ask("localhost" + port))).ok());
    r.host.full.reset();
    auto none = r.run(net::http_call(ask("no-such-host.invalid:80", 9000)));
    assert_int_equal(none.error().code, Code::upstream_timeout);
}

// Only a refusal says that a server is gone.
static void our_own_want_is_not_its_fault(void **) {
    test::Runner r;
    HttpServer server([](const auto &) { return HttpServer::json("{}"); });
    rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    auto answer = r.run(net::http_call(ask(server.address())));
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(answer.error().code, Code::overloaded);
}

static void what_goes_wrong(void **) {
    test::Runner r;
    struct Row {
        std::string answer;
        Code code;
    };
    for (const Row &row :
         std::vector<Row>{{"", Code::upstream_error},
                          {"220 hello\r\n\r\n", Code::upstream_error},
                          {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                           Code::upstream_error},
                          {"hang", Code::upstream_timeout}}) {
        HttpServer server([&](const auto &) { return row.answer; });
        auto answer = r.run(net::http_call(ask(server.address(), 200)));
        assert_row(row.answer, !answer.ok() && answer.error().code == row.code);
    }
    HttpServer gone([](const auto &) { return std::string(); });
    std::string address = gone.address();
    gone.stop();
    auto answer = r.run(net::http_call(ask(address)));
    assert_int_equal(answer.error().code, Code::upstream_unavailable);
}

// Destroyed at any time, it leaves no descriptor and no timer behind.
static void given_up_at_any_time(void **) {
    test::Runner r;
    HttpServer server([](const auto &) { return std::string("hang"); });
    for (int turns = 0; turns < 4; turns++) {
        auto task = net::http_call(ask(server.address()));
        assert_false(task.start());
        for (int i = 0; i < turns; i++) {
            r.run(test::Runner::nap());
        }
    }
    auto unstarted = net::http_call(ask(server.address()));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_reads),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(our_own_want_is_not_its_fault),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(given_up_at_any_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
