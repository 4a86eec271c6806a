#include "codec/json.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

static Json parsed(std::string_view text) {
    auto json = parse_json(text);
    if (!json.ok()) {
        print_error("%s\n", json.error().detail.c_str());
    }
    assert_true(json.ok());
    return *json;
}

static void kinds(void **) {
    Json j = parsed(R"({"n":null,"b":true,"i":-7,"r":1.5,"s":"x",
                        "a":[1,"2"],"o":{"k":"v"}})");
    assert_true(j.is_object());
    assert_int_equal(j.size(), 7);
    assert_true(j["n"].kind() == Json::Kind::null);
    assert_true(j["r"].kind() == Json::Kind::real);
    assert_true(j["none"].kind() == Json::Kind::absent);
    assert_true(j["b"].as_boolean() == true);
    assert_true(j["i"].as_integer() == -7);
    assert_text(*j["s"].as_string(), "x");
    assert_int_equal(j["a"].size(), 2);
    assert_true(j["a"].at(0).as_integer() == 1);
    assert_text(*j["a"].at(1).as_string(), "2");
    assert_true(j["a"].at(2).kind() == Json::Kind::absent);
    assert_text(*j["o"]["k"].as_string(), "v");
}

static void asking_for_another_type_gives_nothing(void **) {
    Json j = parsed(R"({"i":7,"s":"7","b":false,"r":7.0})");
    assert_false(j["i"].as_string().has_value());
    assert_false(j["s"].as_integer().has_value());
    assert_false(j["r"].as_integer().has_value());
    assert_false(j["i"].as_boolean().has_value());
    assert_true(j["s"]["deeper"]["still"].kind() == Json::Kind::absent);
    assert_true(j["s"].at(0).kind() == Json::Kind::absent);
    assert_int_equal(j["s"].size(), 0);
    assert_false(Json()["x"].as_string().has_value());
}

static void members_of_a_hook(void **) {
    Json j = parsed(R"({"action":"on_publish","client_id":"9308h583",
                        "port":1935,"tls":false})");
    assert_text(*j.string("action"), "on_publish");
    assert_true(j.integer("port") == 1935);
    assert_true(j.boolean("tls") == false);
    assert_false(j.string("port").has_value());
    assert_false(j.integer("action").has_value());
    assert_false(j.string("none").has_value());
}

static void a_value_outlives_its_document(void **) {
    Json inner;
    {
        Json j = parsed(R"({"o":{"k":"kept"}})");
        inner = j["o"];
    }
    Json copy = inner;
    inner = Json();
    assert_text(*copy.string("k"), "kept");
}

static void no_text_holds_a_zero(void **) {
    assert_false(parse_json(R"({"a":"\u0000"})").ok());
    assert_false(parse_json(std::string_view("{\"a\":\"x\0\"}", 10)).ok());
    assert_false(parse_json(R"({"a\u0000b":1})").ok());
}

static void what_is_not_json(void **) {
    struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"", "ends too early, line 1, column 0"},
        {"  ", "ends too early"},
        {"{", "ends too early"},
        {"{\"a\":1", "ends too early"},
        {"{}{}", "something follows its end"},
        {"{\"a\":1,\"a\":2}", "a member is given twice"},
        {"{\"a\":99999999999999999999}", "a number is too large"},
        {"{\"a\":1e999}", "a number is too large"},
        {"{\"a\":\"\xff\"}", "not UTF-8"},
        {"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"},
        {"{'a':1}", "not well-formed, line 1, column"},
        {"{\"a\":\n 01}", "not well-formed, line 2, column"},
        {"{\"a\":1,}", "not well-formed"},
        {"[1 2]", "not well-formed"},
        {"nul", "not well-formed"},
        {"{\"a\":\"\n\"}", "not well-formed"},
        {"{\"a\":NaN}", "not well-formed"},
    };
    for (auto &row : rows) {
        auto json = parse_json(row.text);
        assert_row(row.text, !json.ok());
        assert_row(row.text, json.error().code == Code::invalid_json);
        bool says = json.error().detail.find(row.says) != std::string::npos;
        if (!says) {
            print_error("%s\n", json.error().detail.c_str());
        }
        assert_row(row.text, says);
    }
}

static void a_broken_body_is_not_quoted(void **) {
    auto json = parse_json(R"({"password":"hunter2 hunter2})");
    assert_false(json.ok());
    assert_true(json.error().detail.find("hunter2") == std::string::npos);
    json = parse_json(R"({"password":hunter2})");
    assert_true(json.error().detail.find("hunter2") == std::string::npos);
}

static void depth_is_bounded(void **) {
    auto nested = [](int n) {
        return std::string(static_cast<size_t>(n), '[') +
               std::string(static_cast<size_t>(n), ']');
    };
    assert_true(parse_json(nested(kMaxJsonDepth)).ok());
    assert_false(parse_json(nested(kMaxJsonDepth + 1)).ok());
    assert_false(parse_json(nested(100000)).ok());
    std::string flat = "[[]";
    for (int i = 0; i < 100; i++) {
        flat += ",[{}]";
    }
    assert_true(parse_json(flat + "]").ok());
    // Brackets in a string nest nothing, and no quote ends it early.
    std::string text = "[\"\\\"" + std::string(1000, '[') + "\"]";
    assert_true(parse_json(text).ok());
    assert_false(parse_json("[\"\\\\\"" + std::string(1000, '[')).ok());
}

static void dumps_what_came_in(void **) {
    for (const char *text :
         {R"({"z":1,"a":[true,false,null],"m":{"k":"\"\\\n"}})", "{}", "[]",
          R"({"r":0.1,"one":1.0,"big":1e+300,"neg":-2.5e-08})",
          R"({"text":"gr\u00fc\u00df"})"}) {
        std::string once = parsed(text).dump();
        assert_text(parsed(once).dump(), once);
    }
    assert_text(parsed(R"( { "z" : 1 , "a" : [ 0.1 , 1.0 ] } )").dump(),
                R"({"z":1,"a":[0.1,1.0]})");
    assert_text(parsed(R"("gr\u00fc\u00df")").dump(), "\"gr\xc3\xbc\xc3\x9f\"");
}

static void keys_in_their_order(void **) {
    std::string keys;
    parsed(R"({"z":1,"a":2,"m":3})").each_key([&](std::string_view key) {
        keys += key;
    });
    assert_text(keys, "zam");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(asking_for_another_type_gives_nothing),
        cmocka_unit_test(members_of_a_hook),
        cmocka_unit_test(a_value_outlives_its_document),
        cmocka_unit_test(no_text_holds_a_zero),
        cmocka_unit_test(what_is_not_json),
        cmocka_unit_test(a_broken_body_is_not_quoted),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(dumps_what_came_in),
        cmocka_unit_test(keys_in_their_order),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
