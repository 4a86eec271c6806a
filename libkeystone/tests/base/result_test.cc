#include "base/result.h"

#include "../support/test.h"

using namespace ks;

static void holds_a_value(void **) {
    Result<std::string> r(std::string("text"));
    assert_true(r.ok());
    assert_true(static_cast<bool>(r));
    assert_text(*r, "text");
    assert_int_equal(r->size(), 4);
    r.value() += "!";
    assert_text(*r, "text!");
}

static void holds_an_error(void **) {
    Result<std::string> r(Error(Code::banned, "until noon", 60));
    assert_false(r.ok());
    assert_int_equal(r.error().code, Code::banned);
    assert_text(r.error().detail, "until noon");
    assert_int_equal(r.error().retry_after_s, 60);
}

static void moves_what_cannot_be_copied(void **) {
    auto make = []() -> Result<std::unique_ptr<int>> {
        return std::make_unique<int>(7);
    };
    auto r = make();
    assert_true(r.ok());
    std::unique_ptr<int> taken = std::move(*r);
    assert_int_equal(*taken, 7);
}

static void of_void_is_ok_unless_told(void **) {
    Result<void> fine;
    assert_true(fine.ok());
    Result<void> bad(Error(Code::conflict, "twice"));
    assert_false(bad.ok());
    assert_int_equal(bad.error().code, Code::conflict);
}

static void codes_have_names_and_statuses(void **) {
    assert_text(code_name(Code::ok), "allow");
    assert_int_equal(code_status(Code::ok), 200);
    assert_text(code_name(Code::unauthorized), "unauthorized");
    assert_int_equal(code_status(Code::unauthorized), 401);
    assert_text(code_name(Code::invalid_sdp), "invalid_sdp");
    assert_int_equal(code_status(Code::invalid_sdp), 400);
    assert_int_equal(code_status(Code::unsupported_sdp), 422);
    for (int i = 1; i < static_cast<int>(Code::count_); i++) {
        auto code = static_cast<Code>(i);
        assert_row(code_name(code), !code_name(code).empty());
        assert_row(code_name(code), !code_title(code).empty());
        assert_row(code_name(code), code_status(code) >= 400);
        assert_row(code_name(code), code_status(code) < 600);
    }
}

static void a_code_out_of_range_is_internal(void **) {
    assert_text(code_name(Code::count_), "internal");
    assert_int_equal(code_status(static_cast<Code>(250)), 500);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_value),
        cmocka_unit_test(holds_an_error),
        cmocka_unit_test(moves_what_cannot_be_copied),
        cmocka_unit_test(of_void_is_ok_unless_told),
        cmocka_unit_test(codes_have_names_and_statuses),
        cmocka_unit_test(a_code_out_of_range_is_internal),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
