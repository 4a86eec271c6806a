#include "api/cors.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::api;

namespace {

constexpr std::string_view kPage = "https://app.example.org";

conf::Config config() {
    conf::Config c;
    c.cors_origins = {std::string(kPage), "http://localhost:5173"};
    return c;
}

codec::RequestView from(std::string_view origin) {
    codec::RequestView r;
    r.method = "GET";
    r.scheme = "https";
    r.add_header("Host", "api.example.org");
    if (!origin.empty()) {
        r.add_header("Origin", origin);
    }
    return r;
}

void only_the_very_origin_is_let_in(void **) {
    struct {
        const char *origin;
        bool in;
    } rows[] = {
        {"https://app.example.org", true},
        {"http://localhost:5173", true},
        {"http://app.example.org", false},
        {"https://app.example.org:443", false},
        {"https://app.example.org.evil.test", false},
        {"https://evil-app.example.org", false},
        {"https://sub.app.example.org", false},
        {"https://APP.example.org", false},
        {"null", false},
        {"*", false},
    };
    conf::Config c = config();
    for (const auto &row : rows) {
        codec::Response response;
        add_cors(c, from(row.origin), response);
        std::string_view got = response.header("Access-Control-Allow-Origin");
        assert_row(row.origin, got == (row.in ? row.origin : ""));
        assert_row(row.origin, response.header("Vary") == "Origin");
    }
}

void without_a_list_there_is_no_cors(void **) {
    conf::Config c;
    codec::Response response;
    add_cors(c, from(kPage), response);
    assert_int_equal(response.headers.size(), 0);
}

void a_preflight_names_authorization(void **) {
    conf::Config c = config();
    codec::RequestView r = from(kPage);
    r.method = "OPTIONS";
    assert_false(is_preflight(r));
    r.add_header("Access-Control-Request-Method", "PATCH");
    assert_true(is_preflight(r));
    codec::Response response = preflight(c, r, "GET, HEAD, PATCH, OPTIONS");
    assert_int_equal(response.status, 204);
    assert_text(response.header("Access-Control-Allow-Methods"),
                "GET, HEAD, PATCH, OPTIONS");
    std::string_view headers = response.header("Access-Control-Allow-Headers");
    for (std::string_view name :
         {"Authorization", "Content-Type", "If-Match", "Idempotency-Key"}) {
        assert_row(name, headers.find(name) != std::string_view::npos);
    }
    assert_true(headers.find('*') == std::string_view::npos);
}

void a_stranger_gets_nothing_of_a_preflight(void **) {
    conf::Config c = config();
    codec::RequestView r = from("https://evil.test");
    r.method = "OPTIONS";
    r.add_header("Access-Control-Request-Method", "PATCH");
    codec::Response response = preflight(c, r, "GET");
    assert_int_equal(response.headers.size(), 0);
}

void a_cookie_alone_is_for_our_pages(void **) {
    conf::Config c = config();
    c.edge_base_url = "https://live.example.org";
    assert_true(origin_is_ours(c, from("")));
    assert_true(origin_is_ours(c, from("https://api.example.org")));
    assert_true(origin_is_ours(c, from("https://live.example.org")));
    assert_true(origin_is_ours(c, from(kPage)));
    assert_false(origin_is_ours(c, from("http://api.example.org")));
    assert_false(origin_is_ours(c, from("https://evil.test")));
    assert_false(origin_is_ours(c, from("null")));
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(only_the_very_origin_is_let_in),
        cmocka_unit_test(without_a_list_there_is_no_cors),
        cmocka_unit_test(a_preflight_names_authorization),
        cmocka_unit_test(a_stranger_gets_nothing_of_a_preflight),
        cmocka_unit_test(a_cookie_alone_is_for_our_pages),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
