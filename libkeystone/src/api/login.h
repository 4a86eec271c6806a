// What login, register and refresh have in common: the answer with both tokens
// and the cookie.
#pragma once

#include "api/handlers.h"
#include "base/secret.h"
#include "codec/json_writer.h"
#include "store/logins.h"

#include <string_view>

namespace ks::api {

constexpr std::string_view kCookie = "ks_refresh";

// Wrong passwords of one account, from all addresses together: far more than
// one address gets through by the limit "login", so that nobody locks out
// somebody else alone, and few enough to make guessing slow.
constexpr std::string_view kFailures = "login_failures";
constexpr conf::RateLimit kFailureRate{300, kMinute, 300};

void write_user(codec::JsonWriter &out, const model::User &user);

// {user, access_token, token_type, expires_in, refresh_token}, Set-Cookie.
codec::Response login_answer(Context &ctx, const codec::RequestView &request,
                             unsigned status, const store::Refreshed &login);

void set_cookie(Context &ctx, const codec::RequestView &request,
                codec::Response &response, std::string_view token,
                int64_t max_age);
// Takes it away from the browser.
void clear_cookie(Context &ctx, const codec::RequestView &request,
                  codec::Response &response);

} // namespace ks::api
