#include "api/stream_input.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::api;

namespace {

StreamInput read(std::string_view text, bool creating) {
    auto body = codec::parse_json(text);
    assert_true(body.ok());
    return read_stream_input(*body, creating);
}

std::string wrong(std::string_view text, bool creating) {
    std::string all;
    for (const auto &e : read(text, creating).wrong) {
        all += e.field + ":" + std::string(e.code) + " ";
    }
    return all;
}

void a_new_stream_needs_a_title_only(void **) {
    assert_text(wrong("{}", true), "title:required ");
    assert_text(wrong("{}", false), "");
    StreamInput in = read(R"({"title":"Show"})", true);
    assert_int_equal(in.wrong.size(), 0);
    model::Stream s = new_stream(in.patch, Id("usr_1"));
    assert_text(s.title, "Show");
    assert_true(s.visibility == model::Visibility::unlisted);
    assert_true(s.enabled);
    assert_text(s.metadata, "{}");
    assert_text(s.owner_id.view(), "usr_1");
}

void everything_wrong_is_said_at_once(void **) {
    assert_text(
        wrong(R"({"title":" ","visibility":"secret","max_viewers":-1,
                  "enabled":"yes","allowed_origins":["example.org"],
                  "reconnect_window_seconds":601,"takeover":7,
                  "metadata":[],"id":"str_1","stream_key":"x"})",
              true),
        "title:too_short visibility:invalid_value enabled:wrong_type "
        "max_viewers:out_of_range reconnect_window_seconds:out_of_range "
        "takeover:wrong_type allowed_origins[0]:invalid_value "
        "metadata:wrong_type id:unknown_member stream_key:unknown_member ");
}

void null_goes_back_to_the_default(void **) {
    StreamInput in = read(R"({"description":null,"visibility":null,
        "max_viewers":null,"allowed_origins":null,"metadata":null,
        "reconnect_window_seconds":null,"takeover":null,"enabled":null})",
                          false);
    assert_int_equal(in.wrong.size(), 0);
    assert_false(in.patch.title.has_value());
    assert_text(in.patch.description.value(), "");
    assert_true(in.patch.visibility.value() == model::Visibility::unlisted);
    assert_int_equal(in.patch.max_viewers.value(), 0);
    assert_int_equal(in.patch.reconnect_window_seconds.value(), 30);
    assert_int_equal(in.patch.allowed_origins->size(), 0);
    assert_text(in.patch.metadata.value(), "{}");
    assert_false(in.metadata.is_object());
    assert_text(wrong(R"({"title":null})", false), "title:wrong_type ");
}

void metadata_has_a_bound(void **) {
    std::string big(4096, 'x');
    assert_text(wrong(R"({"metadata":{"a":")" + big + "\"}}", false),
                "metadata:too_long ");
}

// The examples of RFC 7396, appendix A, that have an object on both sides.
void merging_follows_the_rfc(void **) {
    struct {
        const char *target;
        const char *patch;
        const char *result;
    } rows[] = {
        {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
        {R"({"a":"b"})", R"({"a":null})", R"({})"},
        {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
        {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})",
         R"({"a":{"b":"d"}})"},
        {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
        {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
        {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    };
    for (const auto &row : rows) {
        auto target = codec::parse_json(row.target);
        auto patch = codec::parse_json(row.patch);
        assert_text(merge_patch(*target, *patch), row.result);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_new_stream_needs_a_title_only),
        cmocka_unit_test(everything_wrong_is_said_at_once),
        cmocka_unit_test(null_goes_back_to_the_default),
        cmocka_unit_test(metadata_has_a_bound),
        cmocka_unit_test(merging_follows_the_rfc),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
