#include "api/login.h"

namespace ks::api {

void write_user(codec::JsonWriter &out, const model::User &user) {
    out.begin_object();
    out.member("id", user.id.view());
    out.member("email", user.email);
    out.member("name", user.name);
    out.member("role", model::name(user.role));
    out.member_time("created_at", user.created_at);
    out.member_time("updated_at", user.updated_at);
    out.end_object();
}

codec::Response login_answer(Context &ctx, const codec::RequestView &request,
                             unsigned status, const store::Refreshed &login) {
    codec::JsonWriter out(1024);
    out.begin_object();
    out.key("user");
    write_user(out, login.user);
    out.member("access_token", ctx.access.issue(login.user, login.login.id));
    out.member("token_type", "Bearer");
    out.member("expires_in", ctx.access.expires_in());
    out.member("refresh_token", login.refresh_token.reveal());
    out.end_object();
    codec::Response response = json_answer(status, out.take());
    Millis left = login.expires_at - ctx.loop.wall();
    set_cookie(ctx, request, response, login.refresh_token.reveal(),
               std::max<Millis>(left + kSecond - 1, 0) / kSecond);
    return response;
}

void set_cookie(Context &ctx, const codec::RequestView &request,
                codec::Response &response, std::string_view token,
                int64_t max_age) {
    std::string text(kCookie);
    text += '=';
    text += token;
    text += "; Path=";
    text += place_of(request).value_or(Place()).mount;
    text += "/v1/auth; Max-Age=";
    text += std::to_string(max_age);
    text += "; HttpOnly; SameSite=Strict";
    // Behind a proxy that ends TLS the scheme here is http all the same.
    if (request.scheme == "https" ||
        ctx.config.edge_base_url.starts_with("https://")) {
        text += "; Secure";
    }
    response.add("Set-Cookie", text);
}

void clear_cookie(Context &ctx, const codec::RequestView &request,
                  codec::Response &response) {
    set_cookie(ctx, request, response, "", 0);
}

} // namespace ks::api
