// POST /v1/auth/register, /login
#include "api/input.h"
#include "api/login.h"
#include "api/passwords.h"

#include <algorithm>

namespace ks::api {

namespace {

// One @ with something on both sides, a host with no blanks: whether anybody
// reads it is not for us to know.
bool is_email(std::string_view text) {
    size_t at = text.find('@');
    bool shape = at != std::string_view::npos && at > 0 && at <= 64 &&
                 at + 1 < text.size() &&
                 text.find('@', at + 1) == std::string_view::npos;
    auto fine = [](char c) {
        auto u = static_cast<unsigned char>(c);
        return u > ' ' && u != 0x7f && c != ',' && c != ';' && c != '<' &&
               c != '>' && c != '"' && c != '(' && c != ')';
    };
    return shape && std::all_of(text.begin(), text.end(), fine) &&
           !text.substr(at + 1).starts_with('.') && !text.ends_with('.');
}

constexpr codec::Text kEmail{.min = 3,
                             .max = 254,
                             .required = true,
                             .unit = codec::Unit::bytes,
                             .valid = is_email,
                             .hint = "an e-mail address"};

zone::Rate failure_rate() {
    zone::Rate rate;
    rate.interval_us = kFailureRate.per * 1000 / kFailureRate.count;
    rate.burst = kFailureRate.burst;
    return rate;
}

// Looks without counting: a rate of no interval adds nothing, and says how far
// from empty the bucket is.
std::optional<gate::Limited> too_many_failures(Context &ctx,
                                               std::string_view account) {
    if (ctx.config.rate_limits_off) {
        return std::nullopt;
    }
    zone::Rate rate = failure_rate();
    Millis filled =
        ctx.zone.allow(kFailures, account, ctx.loop.now(), zone::Rate{0, 0});
    Millis over = filled - rate.interval_us * rate.burst / 1000;
    if (over <= 0) {
        return std::nullopt;
    }
    ctx.zone.counters().add(zone::Counter::rate_limited);
    gate::Limited limited;
    limited.name = kFailures;
    limited.rate = kFailureRate;
    limited.retry_after_s = static_cast<int>((over + kSecond - 1) / kSecond);
    return limited;
}

// At all hosts, where they count together.
void count_failure(Context &ctx, std::string_view account) {
    zone::Rate rate = failure_rate();
    ctx.zone.allow(kFailures, account, ctx.loop.now(), rate);
    if (ctx.store.rates() != nullptr) {
        ctx.store.rates()->count(kFailures, account, rate);
    }
}

} // namespace

Reply register_user(Context &ctx, Call &call) {
    if (!ctx.config.registration_open) {
        co_return refuse(call,
                         Error(Code::registration_closed,
                               "Accounts are made by an administrator here."));
    }
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    codec::FieldReader in(*body);
    auto email = in.string("email", kEmail);
    auto given = in.string("password", kAnyPassword);
    auto name = in.string("name", {.max = 100, .nullable = true});
    check_new_password(in, "password", given, email.value_or(""));
    auto wrong = in.finish();
    if (!wrong.empty()) {
        co_return refuse_password_fields(call, wrong);
    }

    Secret password = secret_of(given);
    auto hash = co_await hash_password(ctx, std::move(password));
    if (!hash) {
        co_return refuse(call, hash.error());
    }
    store::NewUser wanted;
    wanted.email = *email;
    wanted.name = name.value_or("");
    wanted.password_hash = std::move(*hash);
    auto user = co_await ctx.store.users().create(std::move(wanted));
    if (!user) {
        co_return refuse(call, user.error());
    }
    call.labels.user = user->id;
    std::string ip(call.request.client_ip);
    std::string agent(call.request.header("User-Agent"));
    auto login = co_await ctx.store.logins().create(user->id, std::move(ip),
                                                    std::move(agent));
    if (!login) {
        co_return refuse(call, login.error());
    }
    co_return login_answer(ctx, call.request, 201, *login);
}

Reply log_in(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    codec::FieldReader in(*body);
    auto email = in.string("email", {.min = 1, .max = 254, .required = true});
    auto given = in.string("password", kAnyPassword);
    if (given && (*given).size() > store::kMaxPassword) {
        in.add("password", "too_long", "must have at most 256 bytes");
    }
    auto wrong = in.finish();
    if (!wrong.empty()) {
        co_return refuse_fields(call, wrong);
    }

    // By account, too, but from this address alone: else anybody could keep
    // its owner out.  Of all addresses only failures count.
    std::string account = lower(*email);
    std::string from_here = account;
    from_here += ' ';
    from_here += call.request.client_ip;
    auto limited =
        ctx.limits.hit(gate::limit::kLogin, from_here, ctx.loop.now());
    if (!limited) {
        limited = too_many_failures(ctx, account);
    }
    if (limited) {
        co_return limited_answer(call.request, call.labels, *limited);
    }
    auto found = co_await ctx.store.users().by_email(*email);
    bool known = found.ok();
    if (!known && found.error().code != Code::not_found) {
        co_return refuse(call, found.error());
    }
    // Somebody unknown costs the same hash and gets the same answer.
    std::string hash;
    if (known) {
        hash = found->password_hash;
    }
    Secret password = secret_of(given);
    Secret tried = password.copy();
    auto right = co_await check_password(ctx, std::move(tried), hash);
    if (!right) {
        co_return refuse(call, right.error());
    }
    if (!known || !*right) {
        count_failure(ctx, account);
        ctx.zone.counters().add(zone::Counter::logins_failed);
        co_return refuse(call, Error(Code::invalid_credentials,
                                     "E-mail address or password is wrong."));
    }
    model::User user = found->user;
    call.labels.user = user.id;
    if (store::needs_rehash(hash)) {
        auto better = co_await hash_password(ctx, std::move(password));
        if (better) {
            auto kept = co_await ctx.store.users().set_password_hash(
                user.id, std::move(*better));
            (void)kept.ok(); // the old one is good, too
        }
    }
    std::string ip(call.request.client_ip);
    std::string agent(call.request.header("User-Agent"));
    auto login = co_await ctx.store.logins().create(user.id, std::move(ip),
                                                    std::move(agent));
    if (!login) {
        co_return refuse(call, login.error());
    }
    co_return login_answer(ctx, call.request, 200, *login);
}

} // namespace ks::api
