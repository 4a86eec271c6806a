#include "api/access.h"

#include "codec/uri.h"

#include <functional>

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

Result<Principal> Access::verify(std::string_view authorization) {
    size_t hash = std::hash<std::string_view>()(authorization);
    Known &known = known_[hash % kRemembered];
    if (known.hash == hash && known.until > loop_.wall() &&
        known.authorization == authorization) {
        return known.who;
    }
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
    WallMs until = 0;
    auto who = verify_token(*token, &until);
    if (who) {
        known.hash = hash;
        known.authorization = authorization;
        known.who = *who;
        known.until = until;
    }
    return who;
}

Result<Principal> Access::verify_token(std::string_view token,
                                       WallMs *until) const {
    auto claims = signer_.verify(token, loop_.wall());
    if (!claims) {
        return claims.error();
    }
    if (until != nullptr) {
        *until = claims->expires_at;
    }
    Principal who;
    who.user = claims->subject;
    who.login = claims->session;
    who.role =
        model::parse_role(claims->role.view()).value_or(model::Role::user);
    return who;
}

} // namespace ks::api
