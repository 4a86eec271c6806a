#include "codec/uri.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

static void percent_decoding_is_strict(void **) {
    assert_text(*percent_decode("a%20b+c"), "a b+c");
    assert_text(*percent_decode("%C3%bc"), "ü");
    assert_text(*percent_decode(""), "");
    assert_text(*percent_decode("%2525"), "%25");
    for (const char *bad : {"%", "%2", "a%", "%zz", "%2g", "%%20", "%00"}) {
        assert_row(bad, !percent_decode(bad).has_value());
    }
}

static void percent_encoding_keeps_the_unreserved(void **) {
    assert_text(percent_encode("aZ09-._~"), "aZ09-._~");
    assert_text(percent_encode("a b/c?d=e&f%ü"),
                "a%20b%2Fc%3Fd%3De%26f%25%C3%BC");
    std::string all;
    for (int c = 1; c < 256; c++) {
        all.push_back(static_cast<char>(c));
    }
    assert_text(*percent_decode(percent_encode(all)), all);
}

static void query_pairs_in_order(void **) {
    auto q = Query::parse("app=live&stream=a%26b&&empty=&bare&x=1=2&s=a+b");
    assert_true(q.ok());
    assert_int_equal(q->pairs().size(), 6);
    assert_text(q->pairs()[0].first, "app");
    assert_text(q->pairs()[1].second, "a&b");
    assert_text(q->pairs()[2].second, "");
    assert_text(q->pairs()[3].first, "bare");
    assert_text(q->pairs()[4].second, "1=2");
    assert_text(q->pairs()[5].second, "a b");
    assert_int_equal(Query::parse("")->pairs().size(), 0);
}

static void a_key_counts_once(void **) {
    auto q = Query::parse("a=1&b=2&a=3&%62=4&c=5");
    assert_true(q.ok());
    assert_text(**q->get("c"), "5");
    assert_false(q->get("none")->has_value());
    auto twice = q->get("a");
    assert_false(twice.ok());
    assert_int_equal(twice.error().code, Code::bad_request);
    assert_true(twice.error().detail.find("\"a\"") != std::string::npos);
    assert_false(q->get("b").ok()); // %62 is b, too
}

static void a_query_is_bounded(void **) {
    std::string text = "k=v";
    for (size_t i = 1; i < Query::kMaxPairs; i++) {
        text += "&k=v";
    }
    assert_true(Query::parse(text).ok());
    assert_false(Query::parse(text + "&k=v").ok());
    assert_false(Query::parse("a=%").ok());
    assert_false(Query::parse("%zz=1").ok());
    // Secrets are not told back.
    auto bad = Query::parse("token=ks_pub_secret%");
    assert_true(bad.error().detail.find("ks_pub") == std::string::npos);
}

static void one_value_of_a_query(void **) {
    assert_text(*query_value("a=1&token=x%20y+z&b=2", "token"), "x y z");
    assert_text(*query_value("token=", "token"), "");
    assert_text(*query_value("token=a=b", "token"), "a=b");
    assert_text(*query_value("&&token=%2B", "token"), "+");
    for (const char *none :
         {"", "token", "tokens=1", "xtoken=1", "a=token=1", "token=1&token=2",
          "token=1&token=1", "token=%", "token=%00", "token=1&token=%"}) {
        assert_row(none, !query_value(none, "token").has_value());
    }
}

static void names_of_streams(void **) {
    std::string longest(64, 'a');
    for (const std::string &good : {std::string("a"), std::string("str_0aZ"),
                                    std::string("x-y"), longest}) {
        assert_row(good, is_stream_name(good));
    }
    for (const std::string &bad :
         {std::string(), longest + "a", std::string("a/b"), std::string(".."),
          std::string("a.m3u8"), std::string("a b"), std::string("ä"),
          std::string("a\0b", 3), std::string("a?b"), std::string("a%20")}) {
        assert_row(bad, !is_stream_name(bad));
    }
}

static void rtmp_names(void **) {
    auto s = split_name("str_1?key=ks_pub_x&a=b?c");
    assert_text(s.name, "str_1");
    assert_text(s.args, "key=ks_pub_x&a=b?c");
    s = split_name("str_1");
    assert_text(s.name, "str_1");
    assert_text(s.args, "");
    s = split_name("?key=x");
    assert_text(s.name, "");
    assert_text(s.args, "key=x");
    s = split_name("");
    assert_text(s.name, "");
}

static void cookies(void **) {
    assert_text(*cookie("a=1; ks_refresh=abc; b=2", "ks_refresh"), "abc");
    assert_text(*cookie("ks_refresh=\"abc\"", "ks_refresh"), "abc");
    assert_text(*cookie("ks_refresh=", "ks_refresh"), "");
    assert_text(*cookie("ks_refresh=a=b", "ks_refresh"), "a=b");
    assert_text(*cookie(";;  k=1;k=2", "k"), "1");
    assert_text(*cookie("k=\"", "k"), "\"");
    assert_false(
        cookie("xks_refresh=1; ks_refresh2=2", "ks_refresh").has_value());
    assert_false(cookie("ks_refresh", "ks_refresh").has_value());
    assert_false(cookie("", "ks_refresh").has_value());
    assert_false(cookie("KS_REFRESH=1", "ks_refresh").has_value());
}

static void bearers(void **) {
    assert_text(*bearer("Bearer abc.def-_~+/="), "abc.def-_~+/=");
    assert_text(*bearer("bearer abc"), "abc");
    assert_text(*bearer("BEARER   abc  "), "abc");
    assert_text(*bearer("Bearer undefined"), "undefined");
    for (const char *none :
         {"", "Bearer", "Bearer ", "Bearer    ", "Basic abc", "Bearerabc",
          "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Bearer =", "Bearer a=b",
          "Bearer\tabc", "XBearer abc", "Bearer a\x01"}) {
        assert_row(none, !bearer(none).has_value());
    }
}

static void entity_tags(void **) {
    struct {
        const char *list;
        bool strong;
        bool weak;
    } rows[] = {
        {"\"7\"", true, true},
        {"\"6\"", false, false},
        {"W/\"7\"", false, true},
        {"\"6\", \"7\"", true, true},
        {"\"6\",W/\"7\"", false, true},
        {"\"a,b\" , \"7\"", true, true},
        {"*", true, true},
        {" * ", true, true},
        {"", false, false},
        {"7", false, false},
        {"w/\"7\"", false, false},
        {"\"7", false, false},
        {"\"7\" \"8\"", false, false},
        {"\"7\", 8", false, false},
        {"*, \"7\"", false, false},
        {"\"77\"", false, false},
    };
    for (auto &row : rows) {
        assert_row(row.list, if_match(row.list, "\"7\"") == row.strong);
        assert_row(row.list, if_none_match(row.list, "\"7\"") == row.weak);
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(percent_decoding_is_strict),
        cmocka_unit_test(percent_encoding_keeps_the_unreserved),
        cmocka_unit_test(query_pairs_in_order),
        cmocka_unit_test(a_key_counts_once),
        cmocka_unit_test(a_query_is_bounded),
        cmocka_unit_test(one_value_of_a_query),
        cmocka_unit_test(names_of_streams),
        cmocka_unit_test(rtmp_names),
        cmocka_unit_test(cookies),
        cmocka_unit_test(bearers),
        cmocka_unit_test(entity_tags),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
