#include "base/time.h"

#include "../support/test.h"

using namespace ks;

static void writes_utc_with_milliseconds(void **) {
    assert_text(rfc3339(0), "1970-01-01T00:00:00.000Z");
    assert_text(rfc3339(1), "1970-01-01T00:00:00.001Z");
    assert_text(rfc3339(951827696789), "2000-02-29T12:34:56.789Z");
    assert_text(rfc3339(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
    assert_text(rfc3339(253402300799999), "9999-12-31T23:59:59.999Z");
    assert_text(rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

static void reads_what_it_writes(void **) {
    for (WallMs t : {WallMs{0}, WallMs{86399999}, WallMs{951827696789},
                     WallMs{1'700'000'000'123}, WallMs{253402300799999}}) {
        assert_true(parse_rfc3339(rfc3339(t)) == t);
    }
    for (WallMs t = 0; t < 4'000'000'000'000; t += 31 * kDay + 12'345) {
        assert_true(parse_rfc3339(rfc3339(t)) == t);
    }
}

static void decimals(void **) {
    assert_true(parse_rfc3339("1970-01-01T00:00:01Z") == 1000);
    assert_true(parse_rfc3339("1970-01-01T00:00:01.5Z") == 1500);
    assert_true(parse_rfc3339("1970-01-01T00:00:01.05Z") == 1050);
    assert_true(parse_rfc3339("1970-01-01T00:00:01.005Z") == 1005);
}

static void refuses_the_rest(void **) {
    for (const char *bad : {"",
                            "Z",
                            "1970-01-01",
                            "1970-01-01T00:00:00",
                            "1970-01-01T00:00:00z",
                            "1970-01-01t00:00:00Z",
                            "1970-01-01 00:00:00Z",
                            "1970-01-01T00:00:00+00:00",
                            "1970-01-01T00:00:00.Z",
                            "1970-01-01T00:00:00.1234Z",
                            "1970-01-01T00:00:00,1Z",
                            "1970-01-01T00:00:00.-1Z",
                            "1970-13-01T00:00:00Z",
                            "1970-00-01T00:00:00Z",
                            "1970-02-30T00:00:00Z",
                            "2023-02-29T00:00:00Z",
                            "1970-01-00T00:00:00Z",
                            "1970-01-01T24:00:00Z",
                            "1970-01-01T00:60:00Z",
                            "1970-01-01T00:00:60Z",
                            "1969-12-31T23:59:59Z",
                            "+970-01-01T00:00:00Z",
                            "19700101T000000Z",
                            " 1970-01-01T00:00:00Z",
                            "1970-01-01T00:00:00Z "}) {
        assert_row(bad, !parse_rfc3339(bad).has_value());
    }
    assert_true(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_utc_with_milliseconds),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(decimals),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
