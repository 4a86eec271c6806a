#include "codec/jwt.h"

#include "base/bytes.h"

#include <algorithm>
#include <bitset>
#include <charconv>

namespace ks::codec {

namespace {

constexpr Millis kClockAhead = kMinute;
constexpr size_t kMinDifferentCharacters = 8;
constexpr size_t kSignatureLen = 43; // 32 bytes, base64url

// {"alg":"HS256","typ":"at+jwt"} and the dot
constexpr std::string_view kHeader =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.";

Error refused() {
    return Error(Code::unauthorized,
                 "The access token is not valid: log in again.");
}

bool signature_holds(const HmacKey &key, std::string_view signed_part,
                     std::string_view signature) {
    return equal_constant_time(base64url_encode(key.sign(signed_part)),
                               signature);
}

// Reads our own claims from front to back.  Strings in them have no escapes.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : left_(text) {}

    bool skip(std::string_view literal) {
        if (!left_.starts_with(literal)) {
            return false;
        }
        left_.remove_prefix(literal.size());
        return true;
    }

    bool text(std::string_view &out, size_t max) {
        size_t quote = left_.find('"');
        if (quote == std::string_view::npos || quote > max) {
            return false;
        }
        out = left_.substr(0, quote);
        left_.remove_prefix(quote + 1);
        return true;
    }

    bool seconds(WallMs &out) {
        constexpr int64_t kYear9999 = 253402300799;
        int64_t value = 0;
        const char *begin = left_.data();
        auto [end, failed] =
            std::from_chars(begin, begin + left_.size(), value);
        if (failed != std::errc() || value < 0 || value > kYear9999) {
            return false;
        }
        left_.remove_prefix(static_cast<size_t>(end - begin));
        out = value * kSecond;
        return true;
    }

    bool at_end() const { return left_.empty(); }

  private:
    std::string_view left_;
};

// The order of sign().
std::optional<Claims> read_claims(std::string_view json,
                                  std::string_view head) {
    Scanner in(json);
    Claims claims;
    std::string_view subject, session, role, jti;
    bool ours = in.skip(head) && in.text(subject, Id::capacity()) &&
                in.skip(",\"sid\":\"") && in.text(session, Id::capacity()) &&
                in.skip(",\"role\":\"") &&
                in.text(role, claims.role.capacity()) && in.skip(",\"iat\":") &&
                in.seconds(claims.issued_at) && in.skip(",\"exp\":") &&
                in.seconds(claims.expires_at) && in.skip(",\"jti\":\"") &&
                in.text(jti, 64) && in.skip("}") && in.at_end();
    if (!ours || subject.empty()) {
        return std::nullopt;
    }
    claims.subject.assign(subject);
    claims.session.assign(session);
    claims.role.assign(role);
    return claims;
}

} // namespace

Result<void> check_jwt_secret(std::string_view secret) {
    constexpr std::string_view kCure =
        " Make one with: openssl rand -base64 48";
    if (secret.size() < kMinJwtSecret) {
        return Error(Code::invalid_request,
                     "the JWT secret has " + std::to_string(secret.size()) +
                         " bytes, at least " + std::to_string(kMinJwtSecret) +
                         " are needed." + std::string(kCure));
    }
    std::string plain = lower(secret);
    for (std::string_view sample :
         {"change-me", "change_me", "changeme", "replace-me", "replace_me"}) {
        if (plain.find(sample) != std::string::npos) {
            return Error(Code::invalid_request,
                         "the JWT secret is the sample of the documentation." +
                             std::string(kCure));
        }
    }
    std::bitset<256> seen;
    for (char c : secret) {
        seen.set(static_cast<unsigned char>(c));
    }
    if (seen.count() < kMinDifferentCharacters) {
        return Error(Code::invalid_request,
                     "the JWT secret repeats a few characters: too easy to "
                     "guess." +
                         std::string(kCure));
    }
    return {};
}

bool is_jwt_shaped(std::string_view token) {
    return std::count(token.begin(), token.end(), '.') == 2;
}

JwtSigner::JwtSigner(const Secret &current, const Secret &previous,
                     Millis lifetime, std::string_view issuer)
    : current_(current.reveal()), lifetime_(lifetime) {
    if (!previous.empty()) {
        previous_.emplace(previous.reveal());
    }
    head_ = "{\"iss\":\"";
    head_ += issuer;
    head_ += "\",\"aud\":\"";
    head_ += kJwtAudience;
    head_ += "\",\"sub\":\"";
}

std::string JwtSigner::sign(const Id &subject, const Id &session,
                            std::string_view role, WallMs now,
                            Entropy &entropy) const {
    std::array<uint8_t, 16> id;
    entropy.fill(id);
    int64_t issued = now / kSecond;
    std::string claims = head_;
    claims += subject.view();
    claims += "\",\"sid\":\"";
    claims += session.view();
    claims += "\",\"role\":\"";
    claims += role;
    claims += "\",\"iat\":" + std::to_string(issued);
    claims += ",\"exp\":" + std::to_string(issued + lifetime_ / kSecond);
    claims += ",\"jti\":\"" + base62_encode(id) + "\"}";

    std::string token(kHeader);
    token += base64url_encode(as_bytes(claims));
    std::string signature = base64url_encode(current_.sign(token));
    token += '.';
    token += signature;
    return token;
}

Result<Claims> JwtSigner::verify(std::string_view token, WallMs now) const {
    if (token.size() > kMaxJwt || !token.starts_with(kHeader) ||
        token.size() < kHeader.size() + 1 + kSignatureLen) {
        return refused();
    }
    size_t dot = token.size() - kSignatureLen - 1;
    std::string_view signed_part = token.substr(0, dot);
    std::string_view signature = token.substr(dot + 1);
    if (token[dot] != '.') {
        return refused();
    }
    bool holds =
        signature_holds(current_, signed_part, signature) ||
        (previous_ && signature_holds(*previous_, signed_part, signature));
    if (!holds) {
        return refused();
    }
    auto json = base64url_decode(signed_part.substr(kHeader.size()));
    auto claims = json ? read_claims(*json, head_) : std::nullopt;
    if (!claims || claims->issued_at > now + kClockAhead) {
        return refused();
    }
    if (claims->expires_at <= now) {
        return Error(Code::token_expired,
                     "The access token has expired: refresh it.");
    }
    return *claims;
}

} // namespace ks::codec
