#include "rt/resolve.h"

#include "../store/support.h"

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

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_split),
        cmocka_unit_test(a_number_needs_no_thread),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(an_unknown_name_is_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
