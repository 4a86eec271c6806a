#include "codec/http.h"
#include "codec/problem.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

static void says_what_and_where(void **) {
    Error error(Code::not_live, "Nobody publishes str_1 now.", 3);
    assert_text(problem(error, "/v1/streams/str_1/status", "req-12345"),
                R"({"type":"urn:keystone:problem:not_live",)"
                R"("title":"Stream is not live","status":409,)"
                R"("detail":"Nobody publishes str_1 now.",)"
                R"("instance":"/v1/streams/str_1/status","code":"not_live",)"
                R"("request_id":"req-12345"})");
}

static void lists_what_is_wrong_with_a_body(void **) {
    std::vector<FieldError> errors = {
        {"title", "required", "is missing"},
        {"max", "out_of_range", "must be at least 0"}};
    Error error = invalid_fields(errors);
    assert_text(error.detail, "title is missing; 1 more in errors");
    std::string text = problem(error, "", "", errors);
    auto json = parse_json(text);
    assert_true(json.ok());
    assert_true(json->integer("status") == 422);
    assert_text(*json->string("code"), "invalid_request");
    assert_false(json->string("instance").has_value());
    assert_false(json->string("request_id").has_value());
    assert_int_equal((*json)["errors"].size(), 2);
    assert_text(*(*json)["errors"].at(1).string("field"), "max");
    assert_text(*(*json)["errors"].at(1).string("code"), "out_of_range");
}

static void every_code_gives_a_document(void **) {
    for (int i = 1; i < static_cast<int>(Code::count_); i++) {
        auto code = static_cast<Code>(i);
        auto json = parse_json(problem(Error(code, ""), "/x", "r"));
        assert_row(code_name(code), json.ok());
        assert_text(*json->string("code"), code_name(code));
        assert_text(*json->string("detail"), code_title(code));
        assert_int_equal(*json->integer("status"), code_status(code));
    }
}

static void a_strange_path_stays_json(void **) {
    Error error(Code::not_found, "");
    auto json = parse_json(problem(error, "/\"\xff\n", "r"));
    assert_true(json.ok());
    assert_text(*json->string("instance"), "/\"\xEF\xBF\xBD\n");
}

static void no_token_is_sent_back(void **) {
    Error error(Code::not_found, "There is no such thing.");
    std::string out = problem(
        error, "/live/t/ks_play_abcDEF123/ks_pub_0A1b.m3u8", "request-1");
    assert_has(out, "/live/t/ks_play_-/ks_pub_-.m3u8");
    assert_false(is_request_id("ks_play_abcDEF123"));
    assert_true(is_request_id("abcDEF-123"));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(says_what_and_where),
        cmocka_unit_test(lists_what_is_wrong_with_a_body),
        cmocka_unit_test(every_code_gives_a_document),
        cmocka_unit_test(a_strange_path_stays_json),
        cmocka_unit_test(no_token_is_sent_back),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
