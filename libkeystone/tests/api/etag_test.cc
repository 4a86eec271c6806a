#include "api/etag.h"

#include "../support/test.h"

using namespace ks::api;

namespace {

void it_moves_with_version_and_text(void **) {
    std::string a = make_etag(3, "{}");
    assert_true(a.starts_with("\"v3-"));
    assert_true(a.ends_with("\""));
    assert_text(make_etag(3, "{}"), a);
    assert_true(make_etag(4, "{}") != a);
    assert_true(make_etag(3, "{ }") != a);
}

void if_match_is_about_the_version(void **) {
    std::string shown = make_etag(3, "two viewers");
    IfMatch one(shown);
    assert_false(one.hopeless());
    assert_int_equal(one.version(3).value(), 3);
    assert_int_equal(one.version(7).value(), 3); // which it is not: 412

    IfMatch none("");
    assert_false(none.hopeless());
    assert_false(none.version(3).has_value());

    IfMatch any(" * ");
    assert_false(any.hopeless());
    assert_false(any.version(3).has_value());

    IfMatch two(make_etag(2, "x") + ", " + shown);
    assert_int_equal(two.version(3).value(), 3);
    assert_int_equal(two.version(9).value(), 2);
}

void what_was_never_ours_matches_nothing(void **) {
    for (const char *text :
         {"\"abc\"", "W/\"v3-00\"", "v3-00", "\"v-00\"", "\"v3\"", "\"vx-0\"",
          ",", "\"v99999999999999999999-0\""}) {
        assert_row(text, IfMatch(text).hopeless());
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(it_moves_with_version_and_text),
        cmocka_unit_test(if_match_is_about_the_version),
        cmocka_unit_test(what_was_never_ours_matches_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
