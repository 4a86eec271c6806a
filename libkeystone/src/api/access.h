// Access tokens: given at login, taken with every request.
//
// A browser sends the same one a thousand times: who it is for is remembered
// (kRemembered of them, for a worker), under the very text that was verified
// and until it expires.
#pragma once

#include "api/call.h"
#include "codec/jwt.h"
#include "conf/config.h"
#include "rt/loop.h"

#include <array>
#include <string>
#include <string_view>

namespace ks::api {

class Access {
  public:
    Access(const conf::Config &config, rt::Loop &loop);

    std::string issue(const model::User &user, const Id &login) const;
    int64_t expires_in() const { return signer_.lifetime() / kSecond; }

    // The value of Authorization.  unauthorized or token_expired.
    Result<Principal> verify(std::string_view authorization);
    // The token itself.
    Result<Principal> verify_token(std::string_view token) const {
        return verify_token(token, nullptr);
    }

  private:
    static constexpr size_t kRemembered = 256;
    struct Known {
        size_t hash = 0;
        std::string authorization; // as it was sent
        Principal who;
        WallMs until = 0;
    };

    Result<Principal> verify_token(std::string_view token, WallMs *until) const;

    rt::Loop &loop_;
    codec::JwtSigner signer_;
    std::array<Known, kRemembered> known_;
};

} // namespace ks::api
