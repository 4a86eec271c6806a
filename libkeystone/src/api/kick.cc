// POST /v1/streams/{id}/kick: ends the publisher, and keeps its credential and
// its address out for a while.
#include "api/handlers.h"
#include "api/input.h"
#include "gate/bans.h"

namespace ks::api {

namespace {

constexpr int64_t kLongestBan = 86400; // seconds

} // namespace

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
    // First the ban: an encoder comes back at once.
    gate::ban(ctx.zone, *publisher, ctx.loop.now(),
              seconds.value_or(0) * kSecond);
    ctx.sessions.end_session(publisher->id, model::EndReason::kicked);
    std::string line = "publisher of " + call.ask.id.str() + " kicked by " +
                       call.ask.who.user.str();
    if (reason) {
        line += ": " + *reason;
    }
    ctx.loop.log(rt::LogLevel::notice, line);
    co_return no_content();
}

} // namespace ks::api
