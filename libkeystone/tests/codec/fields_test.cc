#include "codec/fields.h"
#include "codec/problem.h"
#include "model/stream.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

static Json body(std::string_view text) {
    auto json = parse_json(text);
    assert_true(json.ok());
    return *json;
}

// "field:code" of every error, joined by a blank.
static std::string codes(const std::vector<FieldError> &errors) {
    std::string text;
    for (const FieldError &e : errors) {
        text += (text.empty() ? "" : " ") + e.field + ":" + std::string(e.code);
    }
    return text;
}

static bool is_short(std::string_view s) { return s.size() < 4; }

static void reads_a_good_body(void **) {
    FieldReader in(body(R"({"title":"Grüße","max":7,"on":false,
        "visibility":"private","ips":["a","b"],"metadata":{"k":[1, 2.5]}})"));
    auto title = in.string("title", {.min = 1, .max = 5, .required = true});
    auto max = in.integer("max", {.min = 0, .max = 7});
    auto on = in.boolean("on");
    auto visibility = in.choice<model::Visibility>(
        "visibility", model::parse_visibility, "public, unlisted or private");
    auto ips = in.strings("ips", {});
    auto metadata = in.object("metadata", {});
    auto errors = in.finish();
    assert_text(codes(errors), "");
    assert_text(*title, "Grüße");
    assert_int_equal(*max, 7);
    assert_true(on.given);
    assert_false(*on);
    assert_true(*visibility == model::Visibility::private_);
    assert_int_equal((*ips).size(), 2);
    assert_text((*ips)[1], "b");
    assert_text(*metadata, R"({"k":[1,2.5]})");
}

static void absent_null_and_value_differ(void **) {
    FieldReader in(body(R"({"null":null,"value":"x"})"));
    Text nullable{.nullable = true};
    auto absent = in.string("absent", nullable);
    auto null = in.string("null", nullable);
    auto value = in.string("value", nullable);
    assert_text(codes(in.finish()), "");
    assert_false(absent.given);
    assert_false(absent.is_null());
    assert_true(null.given);
    assert_true(null.is_null());
    assert_false(static_cast<bool>(null));
    assert_true(value.given);
    assert_false(value.is_null());
    assert_text(absent.value_or("default"), "default");
    assert_text(value.value_or("default"), "x");
}

static void null_for_every_type(void **) {
    FieldReader in(body(R"({"s":null,"i":null,"b":null,"l":null,"o":null,
                            "c":null})"));
    assert_true(in.string("s", {.nullable = true}).is_null());
    assert_true(in.integer("i", {.nullable = true}).is_null());
    assert_true(in.boolean("b", {.nullable = true}).is_null());
    assert_true(in.strings("l", {.nullable = true}).is_null());
    assert_true(in.object("o", {.nullable = true}).is_null());
    assert_true(in.choice<model::Takeover>("c", model::parse_takeover, "one",
                                           {.nullable = true})
                    .is_null());
    assert_text(codes(in.finish()), "");

    FieldReader strict(body(R"({"s":null,"i":null,"b":null,"l":null,"o":null,
                                "c":null})"));
    strict.string("s", {});
    strict.integer("i", {});
    strict.boolean("b");
    strict.strings("l", {});
    strict.object("o", {});
    auto c = strict.choice<model::Takeover>("c", model::parse_takeover, "one");
    assert_false(c.given);
    assert_text(codes(strict.finish()),
                "s:wrong_type i:wrong_type b:wrong_type l:wrong_type "
                "o:wrong_type c:wrong_type");
}

static void tells_everything_at_once(void **) {
    FieldReader in(body(R"({"title":"","max":-1,"on":"yes","visibility":"open",
        "ips":["ok",7,""],"metadata":[],"typo":1})"));
    in.string("title", {.min = 1, .required = true});
    in.integer("max", {});
    in.boolean("on");
    in.choice<model::Visibility>("visibility", model::parse_visibility,
                                 "public, unlisted or private");
    in.strings("ips", {});
    in.object("metadata", {});
    in.string("email", {.required = true});
    auto errors = in.finish();
    assert_text(codes(errors),
                "title:too_short max:out_of_range on:wrong_type "
                "visibility:invalid_value ips[1]:wrong_type ips[2]:too_short "
                "metadata:wrong_type email:required typo:unknown_member");
    for (const FieldError &e : errors) {
        assert_row(e.field, !e.detail.empty());
    }
    assert_text(errors[3].detail, "must be public, unlisted or private");
}

static void a_wrong_value_counts_as_absent(void **) {
    FieldReader in(body(R"({"title":7,"n":99,"ips":[1],"o":{"k":"long"}})"));
    assert_false(in.string("title", {}).given);
    assert_false(in.integer("n", {.max = 9}).given);
    assert_false(in.strings("ips", {}).given);
    assert_false(in.object("o", {.max_bytes = 4}).given);
    assert_text(codes(in.finish()), "title:wrong_type n:out_of_range "
                                    "ips[0]:wrong_type o:too_long");
}

static std::string verdict(std::string_view json, const Text &bounds) {
    FieldReader in(body(json));
    in.string("t", bounds);
    return codes(in.finish());
}

static void bounds_of_text(void **) {
    assert_text(verdict(R"({"t":"äöü"})", {.max = 3}), "");
    assert_text(verdict(R"({"t":"äöüx"})", {.max = 3}), "t:too_long");
    assert_text(verdict(R"({"t":"äöü"})", {.max = 3, .unit = Unit::bytes}),
                "t:too_long");
    assert_text(verdict(R"({"t":"ab"})", {.min = 3}), "t:too_short");
    assert_text(verdict(R"({"t":"   "})", {.min = 1}), "t:too_short");
    assert_text(verdict(R"({"t":""})", {}), "");
    assert_text(verdict(R"({"t":"a\u0007"})", {}), "t:invalid_value");
    assert_text(verdict(R"({"t":"a\u007f"})", {}), "t:invalid_value");
    assert_text(verdict(R"({"t":"a\u0085"})", {}), "t:invalid_value");
    assert_text(verdict(R"({"t":"a\u00a0"})", {}), "");
    assert_text(verdict(R"({"t":"a\nb"})", {}), "t:invalid_value");
    assert_text(verdict(R"({"t":"a\n\tb"})", {.lines = true}), "");
    assert_text(verdict(R"({"t":"a\u001bb"})", {.lines = true}),
                "t:invalid_value");
    Text checked{.valid = is_short, .hint = "short"};
    assert_text(verdict(R"({"t":"abc"})", checked), "");
    assert_text(verdict(R"({"t":"abcd"})", checked), "t:invalid_value");
}

static std::string verdict(std::string_view json, const Texts &bounds) {
    FieldReader in(body(json));
    in.strings("l", bounds);
    return codes(in.finish());
}

static void bounds_of_lists(void **) {
    assert_text(verdict(R"({"l":[]})", Texts{}), "");
    assert_text(verdict(R"({"l":["a","b"]})", Texts{.max_count = 2}), "");
    assert_text(verdict(R"({"l":["a","b","c"]})", Texts{.max_count = 2}),
                "l:too_many");
    assert_text(verdict(R"({"l":["abcd"]})", Texts{.max = 3}), "l[0]:too_long");
    assert_text(verdict(R"({"l":["ab","cd"]})", Texts{.max_joined = 5}), "");
    assert_text(verdict(R"({"l":["ab","cde"]})", Texts{.max_joined = 5}),
                "l:too_long");
    assert_text(verdict(R"({"l":"a"})", Texts{}), "l:wrong_type");
    assert_text(verdict(R"({"l":["abc","abcd"]})",
                        Texts{.valid = is_short, .hint = "short"}),
                "l[1]:invalid_value");
    assert_text(verdict(R"({})", Texts{.required = true}), "l:required");
}

static void bounds_of_numbers(void **) {
    for (auto [json, code] :
         std::initializer_list<std::pair<const char *, const char *>>{
             {R"({"n":0})", ""},
             {R"({"n":9})", ""},
             {R"({"n":10})", "n:out_of_range"},
             {R"({"n":-1})", "n:out_of_range"},
             {R"({"n":1.0})", "n:wrong_type"},
             {R"({"n":"1"})", "n:wrong_type"},
             {R"({"n":true})", "n:wrong_type"}}) {
        FieldReader in(body(json));
        in.integer("n", {.min = 0, .max = 9});
        assert_text(codes(in.finish()), code);
    }
}

static void a_body_that_is_no_object(void **) {
    for (const char *text : {"[]", "7", "null", "\"x\""}) {
        FieldReader in(body(text));
        assert_false(in.string("title", {.required = true}).given);
        auto errors = in.finish();
        assert_int_equal(errors.size(), 1);
        assert_text(errors[0].field, "");
        assert_text(errors[0].code, "wrong_type");
    }
}

static void strange_members_are_shown_short(void **) {
    std::string name;
    for (int i = 0; i < 100; i++) {
        name += "ü";
    }
    FieldReader in(body("{\"" + name + "\":1}"));
    auto errors = in.finish();
    assert_int_equal(errors.size(), 1);
    assert_true(errors[0].field.size() < 80);
    assert_true(errors[0].field.ends_with("ü..."));
}

static void errors_are_bounded(void **) {
    std::string text = "{\"a\":0";
    for (int i = 0; i < 1000; i++) {
        text += ",\"m" + std::to_string(i) + "\":1";
    }
    FieldReader in(body(text + "}"));
    assert_true(in.finish().size() <= 64);
}

static void own_findings_join_in(void **) {
    FieldReader in(body("{}"));
    in.add("ends_at", "invalid_value", "is before starts_at");
    auto errors = in.finish();
    assert_text(codes(errors), "ends_at:invalid_value");
    Error e = invalid_fields(errors);
    assert_int_equal(e.code, Code::invalid_request);
    assert_text(e.detail, "ends_at is before starts_at");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_good_body),
        cmocka_unit_test(absent_null_and_value_differ),
        cmocka_unit_test(null_for_every_type),
        cmocka_unit_test(tells_everything_at_once),
        cmocka_unit_test(a_wrong_value_counts_as_absent),
        cmocka_unit_test(bounds_of_text),
        cmocka_unit_test(bounds_of_lists),
        cmocka_unit_test(bounds_of_numbers),
        cmocka_unit_test(a_body_that_is_no_object),
        cmocka_unit_test(strange_members_are_shown_short),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(own_findings_join_in),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
