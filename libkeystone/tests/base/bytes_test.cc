#include "base/bytes.h"
#include "base/secret.h"

#include "../support/test.h"

using namespace ks;

static std::string raw(std::initializer_list<int> bytes) {
    std::string s;
    for (int b : bytes) {
        s.push_back(static_cast<char>(b));
    }
    return s;
}

static void hex_both_ways(void **) {
    assert_text(hex_encode(as_bytes(raw({0x00, 0x7f, 0x80, 0xff}))),
                "007f80ff");
    assert_text(hex_encode({}), "");
    assert_text(*hex_decode("007f80ff"), raw({0x00, 0x7f, 0x80, 0xff}));
    assert_text(*hex_decode("DEADbeef"), raw({0xde, 0xad, 0xbe, 0xef}));
    for (const char *bad : {"0", "0g", "g0", "0x00", "00 0", "é"}) {
        assert_row(bad, !hex_decode(bad).has_value());
    }
}

// RFC 4648, section 10, without padding.
static void base64url_vectors(void **) {
    struct {
        const char *plain;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg"},
                {"fo", "Zm8"},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg"},
                {"fooba", "Zm9vYmE"},
                {"foobar", "Zm9vYmFy"}};
    for (auto &row : rows) {
        assert_text(base64url_encode(as_bytes(row.plain)), row.text);
        assert_text(*base64url_decode(row.text), row.plain);
    }
    assert_text(base64url_encode(as_bytes(raw({0xfb, 0xff, 0xbf}))), "-_-_");
}

// RFC 4648, section 10.
static void base64_vectors(void **) {
    struct {
        const char *plain;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="}};
    for (auto &row : rows) {
        assert_text(base64_encode(as_bytes(row.plain)), row.text);
    }
    assert_text(base64_encode(as_bytes(raw({0xfb, 0xff, 0xbf}))), "+/+/");
}

static void base64url_has_one_spelling(void **) {
    for (const char *bad : {"Zg==", "Zg=", "Z", "Zh", "Zm9", "Zm9vYh", "+/+/",
                            "Zm 9", "Zm9v\n", "Zm9vZ"}) {
        assert_row(bad, !base64url_decode(bad).has_value());
    }
    // Long inputs shift more bits through than the accumulator holds.
    std::string all;
    for (int i = 0; i < 1000; i++) {
        all.push_back(static_cast<char>(i * 7));
        assert_text(*base64url_decode(base64url_encode(as_bytes(all))), all);
    }
}

static void base62_is_22_characters(void **) {
    std::array<uint8_t, 16> id{};
    assert_text(base62_encode(id), "0000000000000000000000");
    id[15] = 61;
    assert_text(base62_encode(id), "000000000000000000000z");
    id[15] = 62;
    assert_text(base62_encode(id), "0000000000000000000010");
    id.fill(0xff); // 2^128 - 1
    assert_text(base62_encode(id), "7n42DGM5Tflk9n8mt7Fhc7");
    assert_true(is_base62("0Az"));
    assert_true(is_base62(""));
    assert_false(is_base62("a-b"));
    assert_false(is_base62("ä"));
}

static void ascii_without_case(void **) {
    assert_true(iequals("Bearer", "bEARER"));
    assert_true(iequals("", ""));
    assert_false(iequals("a", "ab"));
    assert_false(iequals("@", "`")); // 0x40 and 0x60: no letters
    assert_false(iequals("[", "{"));
    assert_false(iequals("\xc4", "\xe4")); // Ä, ä in Latin-1
    assert_text(lower("ÄbC-@[Z"), "Äbc-@[z");
}

static void trimming(void **) {
    assert_text(trim(" \t a b\r\n"), "a b");
    assert_text(trim(""), "");
    assert_text(trim(" \r\n\t"), "");
    assert_text(trim("x"), "x");
}

static void comparing(void **) {
    assert_true(equal_constant_time("", ""));
    assert_true(equal_constant_time("secret", "secret"));
    assert_false(equal_constant_time("secret", "secreT"));
    assert_false(equal_constant_time("Secret", "secret"));
    assert_false(equal_constant_time("secret", "secre"));
    assert_false(equal_constant_time(raw({0x80}), raw({0x00})));
}

static void wiping(void **) {
    char text[] = "password";
    wipe(text, sizeof(text) - 1);
    for (char c : text) {
        assert_int_equal(c, 0);
    }
}

static void a_secret_moves_and_is_cleared(void **) {
    Secret a("a secret long enough not to be a short string");
    Secret b = std::move(a);
    assert_true(a.empty()); // on purpose: moved from is empty
    assert_text(b.reveal(), "a secret long enough not to be a short string");
    Secret c = b.copy();
    assert_true(b == c);
    c = Secret("x");
    assert_false(b == c);
    c = std::move(b);
    assert_true(b.empty());
    c.clear();
    assert_true(c.empty());
}

static void a_short_secret_leaves_nothing_behind(void **) {
    Secret a("short");
    const char *where = a.reveal().data();
    Secret b = std::move(a);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(where[i], 0); // still inside of `a`
    }
    assert_text(b.reveal(), "short");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(base64url_vectors),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64url_has_one_spelling),
        cmocka_unit_test(base62_is_22_characters),
        cmocka_unit_test(ascii_without_case),
        cmocka_unit_test(trimming),
        cmocka_unit_test(comparing),
        cmocka_unit_test(wiping),
        cmocka_unit_test(a_secret_moves_and_is_cleared),
        cmocka_unit_test(a_short_secret_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
