#include "api/access.h"

#include "codec/uri.h"

namespace ks::api {

namespace {

const Secret &secret_at(const conf::Config &config, size_t i) {
    static const Secret none;
    return i < config.jwt_secrets.size() ? config.jwt_secrets[i] : none;
}

} // namespace

Access::Access(const conf::Config &config, rt::Loop &loop)
    : loop_(loop), signer_(secret_at(config, 0), secret_at(config, 1)) {}

std::string Access::issue(const model::User &user, const Id &login) const {
    return signer_.sign(user.id, login, model::name(user.role), loop_.wall(),
                        loop_.entropy());
}

Result<Principal> Access::verify(std::string_view authorization) const {
    if (authorization.empty()) {
        return Error(Code::unauthorized,
                     "An access token is needed: log in, then send "
                     "Authorization: Bearer and the token.");
    }
    auto token = codec::bearer(authorization);
    if (!token) {
        return Error(Code::unauthorized,
                     "Authorization must be Bearer and an access token.");
    }
    if (!codec::is_jwt_shaped(*token)) {
        return Error(Code::unauthorized,
                     "This is no access token: stream keys and tokens of "
                     "streams are for publishing and playing.");
    }
    return verify_token(*token);
}

Result<Principal> Access::verify_token(std::string_view token) const {
    auto claims = signer_.verify(token, loop_.wall());
    if (!claims) {
        return claims.error();
    }
    Principal who;
    who.user = claims->subject;
    who.login = claims->session;
    who.role =
        model::parse_role(claims->role.view()).value_or(model::Role::user);
    return who;
}

} // namespace ks::api
