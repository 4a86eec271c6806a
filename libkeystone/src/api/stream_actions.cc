// POST /v1/streams/{id}/reset-key, /enable, /disable
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/stream_json.h"

#include <algorithm>
#include <vector>

namespace ks::api {

namespace {

// Nothing is read from these bodies: {} or none.
std::optional<codec::Response> refuse_members(Call &call) {
    auto body = read_body(call);
    if (!body) {
        return refuse(call, body.error());
    }
    codec::FieldReader in(*body);
    auto wrong = in.finish();
    if (!wrong.empty()) {
        return refuse_fields(call, wrong);
    }
    return std::nullopt;
}

// Nobody but us knows the new key yet: every session that was made with a key
// was made with an old one.
void end_key_sessions(Context &ctx, const Id &stream) {
    std::vector<Id> keys;
    auto note = [&](const model::Session &s) {
        if (s.stream_id == stream && s.state != model::SessionState::closed &&
            s.token_id.view().starts_with(prefix::kKey) &&
            std::find(keys.begin(), keys.end(), s.token_id) == keys.end()) {
            keys.push_back(s.token_id);
        }
    };
    zone::Sessions(ctx.zone).each(ctx.loop.wall(), note);
    for (const Id &key : keys) {
        ctx.sessions.end_token(stream, key, model::EndReason::revoked);
    }
}

Reply set_enabled(Context &ctx, Call &call, bool enabled) {
    if (auto refused = refuse_members(call)) {
        co_return std::move(*refused);
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    auto now = co_await ctx.store.streams().set_enabled(call.ask.id, enabled);
    if (!now) {
        co_return refuse(call, now.error());
    }
    if (!enabled) {
        ctx.sessions.end_stream(call.ask.id, model::EndReason::disabled);
    }
    WallMs wall = ctx.loop.wall();
    auto live = zone::Sessions(ctx.zone).find_live(call.ask.id, wall);
    codec::JsonWriter out(2048);
    write_stream(out, *now, live ? &*live : nullptr,
                 ctx.urls.bases(call.request), wall);
    codec::Response response = json_answer(200, out.take());
    response.add("ETag", make_etag(now->version, response.body));
    co_return response;
}

} // namespace

Reply reset_key(Context &ctx, Call &call) {
    if (auto refused = refuse_members(call)) {
        co_return std::move(*refused);
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    auto made = co_await ctx.store.streams().reset_key(call.ask.id);
    if (!made) {
        co_return refuse(call, made.error());
    }
    end_key_sessions(ctx, call.ask.id);
    codec::JsonWriter out(256);
    out.begin_object();
    out.member("stream_key", made->key.reveal());
    out.member("key_prefix", made->stream.key_prefix);
    out.member_time("key_rotated_at", made->stream.key_rotated_at);
    out.end_object();
    co_return json_answer(200, out.take());
}

Reply enable_stream(Context &ctx, Call &call) {
    return set_enabled(ctx, call, true);
}

Reply disable_stream(Context &ctx, Call &call) {
    return set_enabled(ctx, call, false);
}

} // namespace ks::api
