// Access tokens: given at login, taken with every request.
#pragma once

#include "api/call.h"
#include "codec/jwt.h"
#include "conf/config.h"
#include "rt/loop.h"

#include <string>
#include <string_view>

namespace ks::api {

class Access {
  public:
    Access(const conf::Config &config, rt::Loop &loop);

    std::string issue(const model::User &user, const Id &login) const;
    int64_t expires_in() const { return signer_.lifetime() / kSecond; }

    // The value of Authorization.  unauthorized or token_expired.
    Result<Principal> verify(std::string_view authorization) const;
    // The token itself.
    Result<Principal> verify_token(std::string_view token) const;

  private:
    rt::Loop &loop_;
    codec::JwtSigner signer_;
};

} // namespace ks::api
