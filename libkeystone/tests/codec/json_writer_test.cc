#include "codec/json.h"
#include "codec/json_writer.h"

#include "../support/test.h"

#include <cmath>
#include <limits>

using namespace ks;
using namespace ks::codec;

static std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

static void commas_come_by_themselves(void **) {
    JsonWriter w;
    w.begin_object();
    w.key("empty").begin_object().end_object();
    w.key("list").begin_array();
    w.integer(1).string("two").null();
    w.begin_object().member("a", 1).end_object();
    w.begin_array().end_array();
    w.end_array();
    w.member("b", true);
    w.end_object();
    assert_text(w.view(),
                R"({"empty":{},"list":[1,"two",null,{"a":1},[]],"b":true})");
}

static void a_member_of_each_type(void **) {
    std::string name = "n";
    JsonWriter w;
    w.begin_object();
    w.member("literal", "text"); // a pointer, not a bool
    w.member("string", name);
    w.member("view", std::string_view("v"));
    w.member("false", false);
    w.member("int", -5);
    w.member("unsigned", 5U);
    w.member("int64", std::numeric_limits<int64_t>::min());
    w.member_or_null("id", "");
    w.member_or_null("other", "x");
    w.member_time("never", 0);
    w.member_time("then", 1'700'000'000'123);
    w.member_raw("metadata", R"({"k":[1]})");
    w.end_object();
    assert_text(w.view(),
                R"({"literal":"text","string":"n","view":"v","false":false,)"
                R"("int":-5,"unsigned":5,"int64":-9223372036854775808,)"
                R"("id":null,"other":"x","never":null,)"
                R"("then":"2023-11-14T22:13:20.123Z","metadata":{"k":[1]}})");
    assert_true(parse_json(w.view()).ok());
}

static void escapes(void **) {
    assert_text(quoted(""), R"("")");
    assert_text(quoted("plain /text'<>&"), R"("plain /text'<>&")");
    assert_text(quoted("\"\\"), R"("\"\\")");
    assert_text(quoted("a\nb\rc\td"), R"("a\nb\rc\td")");
    assert_text(quoted(std::string_view("\0\x01\x1f\x7f", 4)),
                "\"\\u0000\\u0001\\u001f\x7f\"");
    assert_text(quoted("\xc3\xbc\xe2\x82\xac\xf0\x9f\x8e\xa5"),
                "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x8e\xa5\"");
}

static void what_is_not_utf8_is_replaced(void **) {
    struct {
        std::string_view in;
        const char *out;
    } rows[] = {
        {"\xff", "\"\xEF\xBF\xBD\""},
        {"a\x80z", "\"a\xEF\xBF\xBDz\""},
        {"\xc3", "\"\xEF\xBF\xBD\""},
        {"\xc3z", "\"\xEF\xBF\xBDz\""},
        {"\xc0\xaf", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xe0\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xf4\x90\x80\x80",
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xf0\x9f\x8e", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (auto &row : rows) {
        assert_text(quoted(row.in), row.out);
    }
}

// Whatever goes in, what comes out is JSON, and reads back the same if it was
// UTF-8.
static void any_bytes_give_json(void **) {
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char pair[2] = {static_cast<char>(a), static_cast<char>(b)};
            std::string out = "[" + quoted({pair, 2}) + "]";
            if (a == 0 || b == 0) {
                continue; // written as \u0000, which our reader refuses
            }
            auto json = parse_json(out);
            assert_row(out, json.ok());
            if (a < 0x80 && b < 0x80) {
                assert_text(*json->at(0).as_string(),
                            std::string_view(pair, 2));
            }
        }
    }
}

// Eight bytes are looked at together: every byte, at every place among them.
static void every_byte_at_every_place(void **) {
    for (unsigned c = 1; c < 256; c++) {
        std::string alone = quoted(std::string(1, static_cast<char>(c)));
        alone = alone.substr(1, alone.size() - 2);
        for (size_t at = 0; at < 20; at++) {
            std::string text(20, 'x');
            text[at] = static_cast<char>(c);
            std::string expected = "\"" + std::string(at, 'x') + alone +
                                   std::string(19 - at, 'x') + "\"";
            assert_text(quoted(text), expected);
        }
    }
}

static void numbers(void **) {
    JsonWriter w;
    w.begin_array();
    w.integer(std::numeric_limits<int64_t>::max()).integer(0);
    w.real(0.1).real(1).real(-1e300).real(1e-7);
    w.real(std::nan("")).real(INFINITY);
    w.end_array();
    assert_text(w.take(),
                "[9223372036854775807,0,0.1,1.0,-1e+300,1e-07,null,null]");
    assert_text(w.view(), "");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(commas_come_by_themselves),
        cmocka_unit_test(a_member_of_each_type),
        cmocka_unit_test(escapes),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(any_bytes_give_json),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
