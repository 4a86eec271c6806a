#include "net/http_client.h"

#include "../store/support.h"
#include "../support/http_server.h"

#include "rt/resolve.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <netdb.h>
#include <sys/resource.h>

using namespace ks;
using ks::test::HttpServer;

namespace {

// What the network says, which differs from machine to machine: the addresses
// of the name "several.test", and what connecting to one of them comes to.
std::vector<std::string> several;
constexpr int kSwallows = -1; // no answer, ever
constexpr const char *kDeaf = "127.0.0.3";
std::map<std::string, int> outcomes;
std::vector<std::string> tried; // of those in outcomes

template <class Fn> Fn *next_of(const char *name) {
    return reinterpret_cast<Fn *>(dlsym(RTLD_NEXT, name));
}

// Never ready: a pipe that is full.
void make_deaf(int fd) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    char page[4096] = "";
    while (write(ends[1], page, sizeof(page)) > 0) {
    }
    dup2(ends[1], fd);
    close(ends[1]);
    static std::vector<int> readers; // or the other end were broken
    readers.push_back(ends[0]);
}

} // namespace

// These take the place of libc's, in the core, too.
extern "C" int getaddrinfo(const char *host, const char *port,
                           const addrinfo *hints, addrinfo **found) {
    static auto *real = next_of<decltype(getaddrinfo)>("getaddrinfo");
    if (std::string_view(host) != "several.test") {
        return real(host, port, hints, found);
    }
    *found = nullptr;
    if ((hints->ai_flags & AI_NUMERICHOST) != 0) {
        return EAI_NONAME;
    }
    addrinfo **end = found;
    for (const std::string &number : several) {
        int failed = real(number.c_str(), port, hints, end);
        assert_int_equal(failed, 0);
        end = &(*end)->ai_next;
    }
    return 0;
}

extern "C" int connect(int fd, const sockaddr *to, socklen_t len) {
    static auto *real = next_of<decltype(connect)>("connect");
    rt::Address address;
    std::memcpy(&address.text, to, len);
    address.len = len;
    auto it = outcomes.find(address.number());
    if (it == outcomes.end()) {
        return real(fd, to, len);
    }
    tried.push_back(it->first);
    if (it->second == kSwallows) {
        make_deaf(fd);
    }
    errno = it->second == kSwallows ? EINPROGRESS : it->second;
    return -1;
}

namespace {

// The present ones, and what comes of each but 127.0.0.1.
void network(std::vector<std::string> numbers) {
    several = std::move(numbers);
    tried.clear();
    outcomes = {{"::1", EADDRNOTAVAIL}, {"127.0.0.2", ECONNREFUSED},
                {kDeaf, kSwallows},     {"127.0.0.4", ENETUNREACH},
                {"127.0.0.5", ENOBUFS}, {"127.0.0.6", EHOSTUNREACH}};
}

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
    r.host.full = rt::Pool::names; // known by now
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

// One that is of no use here does not hide what another says; but who refuses
// at one address may live at another that swallows all.
static void of_several_addresses_the_surest_tells(void **) {
    struct Row {
        std::vector<std::string> addresses;
        Code code;
    };
    test::Runner r;
    int port = 0; // another one: what was found before is kept
    for (const Row &row : std::vector<Row>{
             {{"::1", "127.0.0.2"}, Code::upstream_unavailable},
             {{"127.0.0.2", "::1"}, Code::upstream_unavailable},
             {{"127.0.0.2", kDeaf}, Code::upstream_timeout},
             {{kDeaf, "127.0.0.2"}, Code::upstream_timeout},
             {{"127.0.0.2", "127.0.0.6"}, Code::upstream_timeout},
             {{"127.0.0.6", "127.0.0.2"}, Code::upstream_timeout},
             {{"127.0.0.2", "127.0.0.4"}, Code::upstream_unavailable},
             {{"127.0.0.4", "127.0.0.2"}, Code::upstream_unavailable},
             {{"127.0.0.4", "127.0.0.4"}, Code::upstream_timeout},
             {{"::1", "127.0.0.4"}, Code::upstream_timeout},
             {{"127.0.0.4", "::1"}, Code::upstream_timeout},
             {{"127.0.0.2", "127.0.0.5"}, Code::overloaded},
             {{"127.0.0.5", "127.0.0.2"}, Code::overloaded},
             {{"::1", "::1"}, Code::overloaded}}) {
        network(row.addresses);
        std::string where = "several.test:" + std::to_string(++port);
        auto work = net::http_call(ask(where, 20 * kSecond));
        assert_false(work.start());
        r.until([&] {
            return work.done() || (!tried.empty() && tried.back() == kDeaf);
        });
        r.host.ahead += 20 * kSecond;
        r.until([&] { return work.done(); });
        auto answer = work.take();
        std::string name = row.addresses[0] + " and " + row.addresses[1];
        assert_row(name, !answer.ok() && answer.error().code == row.code);
    }
}

// It has its share of the time, and the rest is for the others.
static void one_that_swallows_leaves_time_to_the_next(void **) {
    test::Runner r;
    HttpServer server([](const auto &) { return HttpServer::json("{}"); });
    std::string port = server.address().substr(9);
    network({kDeaf, "127.0.0.2", "127.0.0.1"});
    auto work = net::http_call(ask("several.test" + port, 30 * kSecond));
    assert_false(work.start());
    r.until([] { return tried.size() == 1; });
    r.host.ahead += 10 * kSecond;
    r.until([&] { return work.done(); });
    auto answer = work.take();
    assert_true(answer.ok());
    assert_int_equal(answer->status, 200);
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
        cmocka_unit_test(of_several_addresses_the_surest_tells),
        cmocka_unit_test(one_that_swallows_leaves_time_to_the_next),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(given_up_at_any_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
