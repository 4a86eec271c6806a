#include "codec/json.h"
#include "codec/jwt.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::codec;

namespace {

constexpr WallMs kNow = 1'700'000'000'000;
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOther = "another secret of thirty-two bytes";

class Counting : public Entropy {
  public:
    void fill(std::span<uint8_t> out) override {
        for (uint8_t &b : out) {
            b = next_++;
        }
    }

  private:
    uint8_t next_ = 1;
};

Counting entropy;

JwtSigner signer(std::string_view current = kSecret,
                 std::string_view previous = {}) {
    return JwtSigner(Secret(current), Secret(previous));
}

std::string good() {
    return signer().sign(Id("usr_1"), Id("lgn_1"), "admin", kNow, entropy);
}

// A token of the given parts with a signature that holds.
std::string forged(std::string_view header, std::string_view claims,
                   std::string_view secret = kSecret) {
    std::string text = base64url_encode(as_bytes(header)) + "." +
                       base64url_encode(as_bytes(claims));
    return text + "." + base64url_encode(hmac_sha256(secret, text));
}

constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"at+jwt"})";

std::string claims_with(std::string_view iss, std::string_view aud,
                        std::string_view exp) {
    return R"({"iss":")" + std::string(iss) + R"(","aud":")" +
           std::string(aud) +
           R"(","sub":"usr_1","sid":"lgn_1","role":"user","iat":1700000000,)"
           R"("exp":)" +
           std::string(exp) + R"(,"jti":"x"})";
}

Code verdict(std::string_view token, WallMs now = kNow) {
    auto r = signer().verify(token, now);
    return r.ok() ? Code::ok : r.error().code;
}

void what_was_signed_is_read(void **) {
    auto claims = signer().verify(good(), kNow + 1);
    assert_true(claims.ok());
    assert_text(claims->subject.view(), "usr_1");
    assert_text(claims->session.view(), "lgn_1");
    assert_text(claims->role.view(), "admin");
    assert_int_equal(claims->issued_at, kNow);
    assert_int_equal(claims->expires_at, kNow + 15 * kMinute);
}

void anybody_can_read_it_as_a_jwt(void **) {
    std::string token = good();
    size_t first = token.find('.'), second = token.find('.', first + 1);
    auto header = parse_json(*base64url_decode(token.substr(0, first)));
    auto claims = parse_json(
        *base64url_decode(token.substr(first + 1, second - first - 1)));
    assert_true(header.ok());
    assert_text(*header->string("alg"), "HS256");
    assert_text(*header->string("typ"), "at+jwt");
    assert_true(claims.ok());
    assert_text(*claims->string("iss"), "keystone");
    assert_text(*claims->string("aud"), "keystone");
    assert_text(*claims->string("sub"), "usr_1");
    assert_int_equal(*claims->integer("iat"), kNow / 1000);
    assert_int_equal(*claims->integer("exp"), kNow / 1000 + 900);
    assert_int_equal(claims->string("jti")->size(), 22);
    assert_true(token.size() < kMaxJwt);
    assert_true(is_jwt_shaped(token));
    assert_false(is_jwt_shaped("ks_pub_abc"));
}

void two_are_never_the_same(void **) { assert_true(good() != good()); }

void the_forger_of_this_test_is_a_good_one(void **) {
    std::string token =
        forged(kHeader, claims_with("keystone", "keystone", "1700000900"));
    assert_int_equal(verdict(token), Code::ok);
}

void any_changed_byte_is_noticed(void **) {
    std::string token = good();
    for (size_t i = 0; i < token.size(); i++) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verdict(changed), Code::unauthorized);
        assert_int_equal(verdict(token.substr(0, i)), Code::unauthorized);
    }
    assert_int_equal(verdict(token + "A"), Code::unauthorized);
    assert_int_equal(verdict(token + "="), Code::unauthorized);
    assert_int_equal(verdict(" " + token), Code::unauthorized);
    assert_int_equal(verdict(token), Code::ok);
}

void the_header_chooses_nothing(void **) {
    std::string claims = claims_with("keystone", "keystone", "1700000900");
    for (const char *header :
         {R"({"alg":"none","typ":"at+jwt"})",
          R"({"alg":"HS384","typ":"at+jwt"})",
          R"({"alg":"RS256","typ":"at+jwt"})", R"({"alg":"HS256","typ":"JWT"})",
          R"({"alg":"HS256"})", R"({"typ":"at+jwt"})",
          R"({"alg":"HS256","typ":"at+jwt","crit":["x"]})", "{}", ""}) {
        assert_row(header,
                   verdict(forged(header, claims)) == Code::unauthorized);
    }
    // "none" the classic way: without a signature.
    std::string bare =
        base64url_encode(as_bytes(R"({"alg":"none","typ":"at+jwt"})")) + "." +
        base64url_encode(as_bytes(claims)) + ".";
    assert_int_equal(verdict(bare), Code::unauthorized);
}

void issuer_and_audience_are_ours(void **) {
    assert_int_equal(verdict(forged(kHeader, claims_with("other", "keystone",
                                                         "1700000900"))),
                     Code::unauthorized);
    assert_int_equal(verdict(forged(kHeader, claims_with("keystone", "other",
                                                         "1700000900"))),
                     Code::unauthorized);
    JwtSigner named(Secret(kSecret), Secret(), kHour, "https://live.example");
    std::string token =
        named.sign(Id("usr_1"), Id("lgn_1"), "user", kNow, entropy);
    assert_true(named.verify(token, kNow).ok());
    assert_int_equal(verdict(token), Code::unauthorized);
}

void claims_that_are_not_ours_are_refused(void **) {
    for (const std::string &claims :
         {std::string("{}"), std::string(""), std::string("[]"),
          claims_with("keystone", "keystone", ""),
          claims_with("keystone", "keystone", "-1"),
          claims_with("keystone", "keystone", "1e99"),
          claims_with("keystone", "keystone", "99999999999999999999"),
          claims_with("keystone", "keystone", "9223372036854775807"),
          claims_with("keystone", "keystone", "1700000900") + "x",
          std::string(R"({"iss":"keystone","aud":"keystone","sub":"")"),
          std::string(R"({"iss":"keystone","aud":"keystone","sub":")") +
              std::string(1000, 'a')}) {
        assert_row(claims,
                   verdict(forged(kHeader, claims)) == Code::unauthorized);
    }
}

void time_limits(void **) {
    std::string token = good();
    WallMs end = kNow + 15 * kMinute;
    assert_int_equal(verdict(token, end - 1), Code::ok);
    assert_int_equal(verdict(token, end), Code::token_expired);
    assert_int_equal(verdict(token, end + kDay), Code::token_expired);
    assert_int_equal(verdict(token, kNow - kMinute), Code::ok);
    assert_int_equal(verdict(token, kNow - kMinute - 1), Code::unauthorized);
    // A forged one does not even learn that it is too old.
    token.back() = token.back() == 'A' ? 'E' : 'A';
    assert_int_equal(verdict(token, end), Code::unauthorized);
}

void a_secret_rotates(void **) {
    std::string old_token = good();
    JwtSigner rotated = signer(kOther, kSecret);
    assert_true(rotated.verify(old_token, kNow).ok());
    std::string fresh =
        rotated.sign(Id("usr_1"), Id("lgn_1"), "user", kNow, entropy);
    assert_true(rotated.verify(fresh, kNow).ok());
    assert_int_equal(verdict(fresh), Code::unauthorized);
    JwtSigner done = signer(kOther);
    assert_int_equal(done.verify(old_token, kNow).error().code,
                     Code::unauthorized);
    // Without a previous secret, the empty one signs for nobody.
    std::string empty =
        forged(kHeader, claims_with("keystone", "keystone", "1700000900"), "");
    assert_int_equal(verdict(empty), Code::unauthorized);
}

void strange_tokens(void **) {
    for (const std::string &token :
         {std::string(), std::string("."), std::string(".."),
          std::string("a.b.c"), std::string("undefined"),
          std::string(5000, 'a'), good() + std::string(5000, 'a'),
          std::string(5000, '.')}) {
        assert_int_equal(verdict(token), Code::unauthorized);
    }
}

void weak_secrets_are_named(void **) {
    assert_true(check_jwt_secret(kSecret).ok());
    for (std::string_view bad :
         {std::string_view(""), std::string_view("short"),
          kSecret.substr(0, 31),
          std::string_view("change-me-change-me-change-me-change-me"),
          std::string_view("please CHANGE_ME to 32 random bytes!"),
          std::string_view("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
          std::string_view("12341234123412341234123412341234")}) {
        auto checked = check_jwt_secret(bad);
        assert_row(bad, !checked.ok());
        assert_row(bad, checked.error().detail.find("openssl rand") !=
                            std::string::npos);
        assert_row(bad, bad.empty() || checked.error().detail.find(bad) ==
                                           std::string::npos);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_is_read),
        cmocka_unit_test(anybody_can_read_it_as_a_jwt),
        cmocka_unit_test(two_are_never_the_same),
        cmocka_unit_test(the_forger_of_this_test_is_a_good_one),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(the_header_chooses_nothing),
        cmocka_unit_test(issuer_and_audience_are_ours),
        cmocka_unit_test(claims_that_are_not_ours_are_refused),
        cmocka_unit_test(time_limits),
        cmocka_unit_test(a_secret_rotates),
        cmocka_unit_test(strange_tokens),
        cmocka_unit_test(weak_secrets_are_named),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
