// Access tokens: JWT, HS256, typ "at+jwt" (RFC 9068), made and read here only.
// The algorithm is ours, never the header's: the header must be the very bytes
// we write.  Claims are read after the signature held, so what is parsed is our
// own output.
#pragma once

#include "base/hash.h"
#include "base/id.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::codec {

struct Claims {
    Id subject;     // user
    Id session;     // login session ("sid")
    Fixed<15> role; // "user", "admin"
    WallMs issued_at = 0;
    WallMs expires_at = 0;
};

constexpr std::string_view kJwtAudience = "keystone";
constexpr size_t kMaxJwt = 4096;
constexpr size_t kMinJwtSecret = 32;

// invalid_request with the cure: too short, one out of the documentation, or
// hardly any different characters.
Result<void> check_jwt_secret(std::string_view secret);

// Two dots: worth asking verify() before looking it up as a stream's token.
bool is_jwt_shaped(std::string_view token);

class JwtSigner {
  public:
    // `previous` still verifies and never signs; empty: there is none.
    // `issuer` has neither quotes, backslashes nor control characters.
    JwtSigner(const Secret &current, const Secret &previous,
              Millis lifetime = 15 * kMinute,
              std::string_view issuer = kJwtAudience);

    std::string sign(const Id &subject, const Id &session,
                     std::string_view role, WallMs now, Entropy &entropy) const;

    // unauthorized or token_expired.  No leeway for the end; a token may come
    // from a host whose clock is up to a minute ahead.
    Result<Claims> verify(std::string_view token, WallMs now) const;

    Millis lifetime() const { return lifetime_; }

  private:
    HmacKey current_;
    std::optional<HmacKey> previous_;
    std::string head_; // of the claims: what is the same in all of them
    Millis lifetime_;
};

} // namespace ks::codec
