// POST /v1/auth/password; GET /v1/auth/sessions, DELETE /v1/auth/sessions/{id}
#include "api/input.h"
#include "api/passwords.h"

#include "store/logins.h"

namespace ks::api {

Reply change_password(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    const Id &id = call.ask.who.user;
    auto user = co_await ctx.store.users().with_hash(id);
    if (!user && user.error().code == Code::not_found) {
        co_return refuse(call, Error(Code::unauthorized,
                                     "Your account does not exist any more."));
    }
    if (!user) {
        co_return refuse(call, user.error());
    }
    codec::FieldReader in(*body);
    auto current = in.string("current_password", kAnyPassword);
    auto wanted = in.string("new_password", kAnyPassword);
    if (current && (*current).size() > store::kMaxPassword) {
        in.add("current_password", "too_long", "must have at most 256 bytes");
    }
    check_new_password(in, "new_password", wanted, user->user.email);
    auto wrong = in.finish();
    if (!wrong.empty()) {
        co_return refuse_password_fields(call, wrong);
    }

    Secret old_one = secret_of(current);
    Secret new_one = secret_of(wanted);
    auto right =
        co_await check_password(ctx, std::move(old_one), user->password_hash);
    if (!right) {
        co_return refuse(call, right.error());
    }
    if (!*right) {
        ctx.zone.counters().add(zone::Counter::logins_failed);
        co_return refuse(call, Error(Code::invalid_credentials,
                                     "current_password is wrong."));
    }
    auto hash = co_await hash_password(ctx, std::move(new_one));
    if (!hash) {
        co_return refuse(call, hash.error());
    }
    auto done = co_await ctx.store.users().change_password(id, std::move(*hash),
                                                           call.ask.who.login);
    if (!done) {
        co_return refuse(call, done.error());
    }
    co_return no_content();
}

Reply list_logins(Context &ctx, Call &call) {
    auto logins = co_await ctx.store.logins().list(call.ask.who.user);
    if (!logins) {
        co_return refuse(call, logins.error());
    }
    // Few enough for one page: those that can still be used, at most 100.
    store::Page<store::Login> page;
    page.rows = std::move(*logins);
    const Id &own = call.ask.who.login;
    auto write = [&](codec::JsonWriter &out, const store::Login &login) {
        out.begin_object();
        out.member("id", login.id.view());
        out.member("ip", login.ip);
        out.member("user_agent", login.user_agent);
        out.member_time("created_at", login.created_at);
        out.member_time("last_used_at", login.last_used_at);
        out.member("current", login.id == own);
        out.end_object();
    };
    co_return json_answer(200, page_json(page, write));
}

Reply end_login(Context &ctx, Call &call) {
    auto done = co_await ctx.store.logins().end(call.ask.who.user, call.ask.id);
    if (!done && done.error().code == Code::not_found) {
        co_return not_found(call.request, call.labels);
    }
    if (!done) {
        co_return refuse(call, done.error());
    }
    co_return no_content();
}

} // namespace ks::api
