#include "base/hash.h"

#include "../support/test.h"

using namespace ks;

static std::string hex(const Sha256 &h) { return hex_encode(h); }

static std::string unhex(std::string_view text) { return *hex_decode(text); }

// FIPS 180-4 examples.
static void sha256_vectors(void **) {
    assert_text(
        hex(sha256("")),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_text(
        hex(sha256("abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_text(
        hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_text(
        hex(sha256(std::string(1'000'000, 'a'))),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

struct HmacVector {
    std::string key;
    std::string data;
    const char *mac;
};

static std::vector<HmacVector> rfc4231() {
    return {
        {std::string(20, '\x0b'), "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {unhex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
         std::string(50, '\xcd'),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {std::string(131, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {std::string(131, '\xaa'),
         "This is a test using a larger than block-size key and a larger than "
         "block-size data. The key needs to be hashed before being used by the "
         "HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
}

static void hmac_vectors(void **) {
    for (const HmacVector &v : rfc4231()) {
        assert_text(hex(hmac_sha256(v.key, v.data)), v.mac);
    }
}

// RFC 2202, section 3.
// RFC 3174, section 7.3
static void sha1_vectors(void **) {
    assert_text(hex_encode(sha1("abc")),
                "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_text(hex_encode(sha1("")),
                "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void hmac_sha1_vectors(void **) {
    const HmacVector rows[] = {
        {std::string(20, '\x0b'), "Hi There",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"Jefe", "what do ya want for nothing?",
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {std::string(80, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    };
    for (const HmacVector &v : rows) {
        assert_text(hex_encode(hmac_sha1(v.key, v.data)), v.mac);
    }
}

static void a_key_signs_again_and_again(void **) {
    for (const HmacVector &v : rfc4231()) {
        HmacKey key(v.key);
        for (int i = 0; i < 3; i++) {
            assert_text(hex(key.sign(v.data)), v.mac);
            sha256("in between"); // the scratch context is shared
        }
        HmacKey moved(std::move(key));
        assert_text(hex(moved.sign(v.data)), v.mac);
    }
}

// Appendix A of the SipHash paper, and lengths around a word from the
// reference implementation's table (keys 00..0f, input 00 01 02 ...).
static void siphash_vectors(void **) {
    SipKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    std::string data;
    auto next = [&] { data.push_back(static_cast<char>(data.size())); };
    assert_true(siphash24(key, data) == 0x726fdb47dd0e0e31ULL);
    next();
    assert_true(siphash24(key, data) == 0x74f839c593dc67fdULL);
    while (data.size() < 7) {
        next();
    }
    assert_true(siphash24(key, data) == 0xab0200f58b01d137ULL);
    next();
    assert_true(siphash24(key, data) == 0x93f5f5799a932462ULL);
    while (data.size() < 15) {
        next();
    }
    assert_true(siphash24(key, data) == 0xa129ca6149be45e5ULL);
}

static void siphash_depends_on_the_key(void **) {
    assert_true(siphash24({1, 2}, "str_1") != siphash24({1, 3}, "str_1"));
    assert_true(siphash24({1, 2}, "str_1") != siphash24({1, 2}, "str_2"));
    assert_true(siphash24({1, 2}, "a") != siphash24({1, 2}, {"a\0", 2}));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(sha1_vectors),
        cmocka_unit_test(hmac_sha1_vectors),
        cmocka_unit_test(a_key_signs_again_and_again),
        cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(siphash_depends_on_the_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
