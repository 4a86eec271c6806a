#include "rt/resolve.h"

#include "../store/support.h"
#include "../support/fake_host.h"

#include <netinet/in.h>

using namespace ks;
using rt::Address;

namespace {

bool has(const std::vector<Address> &all, std::string_view number) {
    return std::any_of(all.begin(), all.end(),
                       [&](const Address &a) { return a.number() == number; });
}

} // namespace

static void a_name_is_split(void **) {
    rt::HostPort six = rt::split_host_port("[::1]:6379");
    assert_text("::1", six.host);
    assert_text("6379", six.port);
    rt::HostPort name = rt::split_host_port("redis:6380");
    assert_text("redis", name.host);
    assert_text("6380", name.port);
    assert_text("", rt::split_host_port("redis").port);
}

static void a_number_needs_no_thread(void **) {
    test::Runner r;
    auto work = rt::resolve({"::1", "6379"});
    assert_true(work.start());
    auto found = work.take();
    assert_true(found.ok());
    assert_true(has(*found, "::1"));
    assert_int_equal((*found)[0].len, sizeof(sockaddr_in6));
}

static void a_name_is_looked_up(void **) {
    test::Runner r;
    auto found = r.run(rt::resolve({"localhost", "80"}));
    assert_true(found.ok());
    assert_true(has(*found, "127.0.0.1") || has(*found, "::1"));
}

static void an_unknown_name_is_told(void **) {
    test::Runner r;
    auto found = r.run(rt::resolve({"nowhere.invalid", "80"}));
    assert_code(found, upstream_timeout);
    assert_has(found.error().detail, "nowhere.invalid");
}

// The name server of one may be sick, and that of another well.
static void a_slow_name_keeps_no_other_waiting(void **) {
    test::FakeHost host;
    rt::Loop loop{host};
    std::vector<rt::Task<Result<std::vector<Address>>>> asked;
    std::deque<rt::Job *> slow; // on a thread, for long
    auto ask = [&](const char *name) {
        asked.push_back(rt::resolve({name, "5432"}));
        assert_false(asked.back().start());
        loop.run();
        slow.insert(slow.end(), host.jobs.begin(), host.jobs.end());
        host.jobs.clear();
    };
    ask("one.invalid");
    ask("one.invalid"); // the same look-up
    assert_int_equal(slow.size(), 1);
    asked.push_back(rt::resolve({"localhost", "5432"}));
    assert_false(asked.back().start());
    host.advance(loop, kSecond);
    assert_true(asked.back().done());
    assert_true(asked.back().take().ok());

    // on threads that are not the store's
    ask("two.invalid");
    ask("three.invalid");
    ask("four.invalid");
    assert_int_equal(slow.size(), 4);
    assert_true(std::all_of(host.pools.begin(), host.pools.end(),
                            [](auto p) { return p == rt::Pool::names; }));
    while (!slow.empty()) {
        slow.front()->run();
        slow.front()->done();
        slow.pop_front();
    }
    host.advance(loop, kSecond);
    assert_true(asked.back().done());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_split),
        cmocka_unit_test(a_number_needs_no_thread),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(an_unknown_name_is_told),
        cmocka_unit_test(a_slow_name_keeps_no_other_waiting),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
