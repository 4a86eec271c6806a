// POST /v1/streams/{id}/kick: ends the publisher, and keeps its credential and
// its address out for a while.
#include "api/handlers.h"
#include "api/input.h"
#include "gate/bans.h"
#include "gate/hosts.h"

namespace ks::api {

namespace {

constexpr int64_t kLongestBan = 86400; // seconds

} // namespace

rt::Task<Result<bool>> kick(Context &ctx, model::Session session, Millis ban) {
    using model::EndReason;
    // First the ban, here: an encoder comes back at once.  No store is waited
    // for before it is ended.
    gate::ban(ctx.zone, session, ctx.loop.now(), ban);
    gate::Hosts *hosts = ctx.sessions.hosts();
    bool theirs = hosts != nullptr && !session.host.empty() &&
                  !(session.host == ctx.zone.self());
    if (!theirs) {
        co_return ctx.sessions.end_session(session.id, EndReason::kicked);
    }
    if (session.state == model::SessionState::closed) {
        co_return false;
    }
    auto told = co_await hosts->end_surely(session, EndReason::kicked);
    if (!told) {
        co_return std::move(told.error());
    }
    co_return true;
}

rt::Task<Result<void>> share_ban(Context &ctx, model::Session session,
                                 Millis ban) {
    if (ban <= 0 || ctx.sessions.hosts() == nullptr) {
        co_return Result<void>();
    }
    auto bans = gate::bans_of(session, ctx.loop.wall() + ban);
    auto told = co_await ctx.store.bans().add(std::move(bans));
    co_return told;
}

Reply kick_publisher(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    codec::FieldReader in(*body);
    auto seconds = in.integer("ban_seconds", {.max = kLongestBan});
    auto reason = in.string("reason", {.max = 200});
    auto wrong = in.finish();
    if (!wrong.empty()) {
        co_return refuse_fields(call, wrong);
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    auto publisher =
        zone::Sessions(ctx.zone).publisher_of(call.ask.id, ctx.loop.wall());
    if (!publisher) {
        co_return refuse(
            call, Error(Code::not_live, "Nobody publishes this stream now."));
    }
    Millis ban = seconds.value_or(0) * kSecond;
    auto ended = co_await kick(ctx, *publisher, ban);
    if (!ended) {
        co_return refuse(call, ended.error());
    }
    auto banned = co_await share_ban(ctx, *publisher, ban);
    std::string line = "publisher of " + call.ask.id.str() + " kicked by " +
                       call.ask.who.user.str();
    if (reason) {
        line += ": " + *reason;
    }
    ctx.loop.log(rt::LogLevel::notice, line);
    if (!banned) {
        co_return refuse(call, banned.error());
    }
    co_return no_content();
}

} // namespace ks::api
