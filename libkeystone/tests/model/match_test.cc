#include "model/policy.h"

#include "../support/test.h"

using namespace ks::model;

static void addresses(void **) {
    struct {
        const char *list;
        const char *ip;
        bool matches;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.10", false},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.77/24", "192.0.2.1", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.4/31", "192.0.2.5", true},
        {"192.0.2.4/31", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:DB8::1", "2001:db8:0:0::1", true},
        {"::1", "::1", true},
        {"::1/128", "::2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"192.0.2.0/24", "::ffff:c000:0209", true},
        {"::ffff:192.0.2.1", "192.0.2.1", true},
        {"::ffff:192.0.2.0/120", "192.0.2.200", true},
        {"::ffff:192.0.2.0/120", "192.0.3.200", false},
        {"::ffff:0:0/96", "203.0.113.9", true},
        {"10.0.0.0/8 192.0.2.1", "192.0.2.1", true},
        {"10.0.0.0/8  192.0.2.1 ", "10.200.0.1", true},
        {"10.0.0.0/8 192.0.2.1", "192.0.2.2", false},
        {"nonsense 192.0.2.1", "192.0.2.1", true},
        {"", "192.0.2.1", false},
        {"-", "192.0.2.1", false},
        {"192.0.2.1", "", false},
        {"192.0.2.0/24", "unix:", false},
        {"192.0.2.0/33", "192.0.2.1", false},
        {"192.0.2.0/-1", "192.0.2.1", false},
        {"192.0.2.0/", "192.0.2.1", false},
        {"192.0.2.0/24x", "192.0.2.1", false},
        {"192.0.2.01", "192.0.2.1", false},
        {"192.0.2.1", "192.0.2.1 ", false},
        {"192.0.2.1", "192.0.2.1.5", false},
        {"192.0.2.1", "192.0.2", false},
        {"192.0.2.0", "192.0.2.256", false},
        {"fe80::1", "fe80::1%eth0", false},
    };
    for (auto &row : rows) {
        std::string label = std::string(row.list) + " / " + row.ip;
        assert_row(label, ip_matches(row.list, row.ip) == row.matches);
    }
}

static void a_zero_byte_ends_nothing(void **) {
    assert_false(ip_matches("::1", std::string_view("::1\0x", 5)));
    assert_false(ip_matches("192.0.2.1", std::string_view("192.0.2.1\0", 10)));
}

static void origins(void **) {
    struct {
        const char *list;
        const char *origin;
        bool matches;
    } rows[] = {
        {"https://a.example", "https://a.example", true},
        {"https://a.example", "HTTPS://A.Example", true},
        {"https://a.example", "https://a.example:443", false},
        {"https://a.example", "http://a.example", false},
        {"https://a.example", "https://a.example.org", false},
        {"https://a.example", "https://evil-a.example", false},
        {"https://a.example https://b.example:8443", "https://b.example:8443",
         true},
        {"https://a.example https://b.example", "https://a.example https",
         false},
        {"https://a.example", "", false},
        {"", "https://a.example", false},
        {"", "", false},
        {"-", "null", false},
    };
    for (auto &row : rows) {
        std::string label = std::string(row.list) + " / " + row.origin;
        assert_row(label, origin_matches(row.list, row.origin) == row.matches);
    }
}

static void what_may_stand_in_a_list(void **) {
    for (const char *good : {"192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32",
                             "::ffff:192.0.2.0/120", "0.0.0.0/0"}) {
        assert_row(good, is_ip_rule(good));
    }
    for (const char *bad : {"", "-", "host", "10.0.0.0/33", "::/129", "10/8",
                            "10.0.0.0/8 ", "1.2.3.4 5.6.7.8", "[::1]"}) {
        assert_row(bad, !is_ip_rule(bad));
    }
    for (const char *good :
         {"https://a.example", "http://localhost:8080", "https://[::1]:8443",
          "https://[2001:db8::1]", "capacitor://localhost"}) {
        assert_row(good, is_origin(good));
    }
    for (const char *bad :
         {"", "a.example", "https://", "https://a.example/", "://a.example",
          "https://a.example:", "https://a.example:0",
          "https://a.example:70000", "https://a.example:8x", "https://a b",
          "https://user@a.example", "https://[::1", "https://[x]", "null", "*",
          "https://*.example"}) {
        assert_row(bad, !is_origin(bad));
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(a_zero_byte_ends_nothing),
        cmocka_unit_test(origins),
        cmocka_unit_test(what_may_stand_in_a_list),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
