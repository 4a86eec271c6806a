// POST /v1/auth/refresh, /logout; GET PATCH /v1/auth/me
#include "api/cors.h"
#include "api/input.h"
#include "api/login.h"

#include "codec/problem.h"
#include "codec/uri.h"

namespace ks::api {

namespace {

struct Presented {
    Secret token; // empty: none
    bool by_cookie = false;
};

// Of the body, else of the cookie.  A refusal when the body is no good, or when
// a page of another origin makes the browser send its cookie.
Result<Presented> presented(Context &ctx, Call &call,
                            std::vector<codec::FieldError> &wrong) {
    auto body = read_body(call);
    if (!body) {
        return body.error();
    }
    codec::FieldReader in(*body);
    auto given = in.string("refresh_token", {.min = 1, .max = 255});
    wrong = in.finish();
    if (!wrong.empty()) {
        return codec::invalid_fields(wrong);
    }
    Presented out;
    if (given) {
        out.token = Secret(*given);
        wipe((*given).data(), (*given).size());
        return out;
    }
    auto cookie = codec::cookie(call.request.header("Cookie"), kCookie);
    if (!cookie || cookie->empty()) {
        return out;
    }
    if (!origin_is_ours(ctx.config, call.request)) {
        return Error(Code::origin_not_allowed,
                     "The cookie is not taken from pages of this origin.");
    }
    out.token = Secret(*cookie);
    out.by_cookie = true;
    return out;
}

} // namespace

Reply refresh_login(Context &ctx, Call &call) {
    std::vector<codec::FieldError> wrong;
    auto given = presented(ctx, call, wrong);
    if (!given) {
        co_return refuse(call, given.error(), wrong);
    }
    if (given->token.empty()) {
        co_return refuse(call, Error(Code::unauthorized,
                                     "Send refresh_token, or the cookie."));
    }
    std::string ip(call.request.client_ip);
    std::string agent(call.request.header("User-Agent"));
    auto login = co_await ctx.store.logins().rotate(
        std::move(given->token), std::move(ip), std::move(agent));
    if (!login) {
        codec::Response response = refuse(call, login.error());
        if (given->by_cookie && response.status == 401) {
            clear_cookie(ctx, call.request, response);
        }
        co_return response;
    }
    call.labels.user = login->user.id;
    co_return login_answer(ctx, call.request, 200, *login);
}

// By the refresh token, or by the access token, which names its login.  Access
// tokens that are out go on to their end, at most 15 minutes.
Reply log_out(Context &ctx, Call &call) {
    std::vector<codec::FieldError> wrong;
    auto given = presented(ctx, call, wrong);
    if (!given) {
        co_return refuse(call, given.error(), wrong);
    }
    auto who = ctx.access.verify(call.request.header("Authorization"));
    bool by_access = who.ok() && !who->login.empty();
    if (given->token.empty() && !by_access) {
        codec::Response response = refuse(call, who.error());
        clear_cookie(ctx, call.request, response);
        co_return response;
    }
    if (!given->token.empty()) {
        auto done =
            co_await ctx.store.logins().end_by_token(std::move(given->token));
        if (!done) {
            co_return refuse(call, done.error());
        }
    }
    if (by_access) {
        call.labels.user = who->user;
        auto done = co_await ctx.store.logins().end(who->user, who->login);
        if (!done && done.error().code != Code::not_found) {
            co_return refuse(call, done.error());
        }
    }
    codec::Response response = no_content();
    clear_cookie(ctx, call.request, response);
    co_return response;
}

namespace {

codec::Response me_answer(Call &call, const Result<model::User> &user) {
    if (!user && user.error().code == Code::not_found) {
        return refuse(call, Error(Code::unauthorized,
                                  "Your account does not exist any more."));
    }
    if (!user) {
        return refuse(call, user.error());
    }
    codec::JsonWriter out;
    write_user(out, *user);
    return json_answer(200, out.take());
}

} // namespace

Reply get_me(Context &ctx, Call &call) {
    auto user = co_await ctx.store.users().by_id(call.ask.who.user);
    co_return me_answer(call, user);
}

Reply patch_me(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    codec::FieldReader in(*body);
    auto name = in.string("name", {.max = 100, .nullable = true});
    auto wrong = in.finish();
    if (!wrong.empty()) {
        co_return refuse_fields(call, wrong);
    }
    if (!name.given) { // an empty patch changes nothing
        auto user = co_await ctx.store.users().by_id(call.ask.who.user);
        co_return me_answer(call, user);
    }
    std::string wanted = name.value_or("");
    auto user = co_await ctx.store.users().set_name(call.ask.who.user,
                                                    std::move(wanted));
    co_return me_answer(call, user);
}

} // namespace ks::api
