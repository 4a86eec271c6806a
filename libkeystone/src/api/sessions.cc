// GET /v1/sessions, /v1/streams/{id}/sessions and /v1/sessions/{id}; DELETE of
// one kicks it.  A session is a connection: of one publisher or one viewer.
//
// Lists come from the store, which is a quarter of a second behind; what shared
// memory knows of a row is newer and takes its place.
#include "api/handlers.h"
#include "api/input.h"
#include "gate/hosts.h"

namespace ks::api {

namespace {

using model::Session;

constexpr int64_t kLongestBan = 86400; // seconds

void write_session(codec::JsonWriter &out, const Session &s) {
    out.begin_object();
    out.member("id", s.id.view());
    out.member("stream_id", s.stream_id.view());
    out.member("kind", model::name(s.action));
    out.member("protocol", model::name(s.protocol));
    out.member("state", model::name(s.state));
    out.key("client").begin_object();
    out.member("ip", s.client_ip.view());
    out.member("user_agent", s.user_agent.view());
    out.end_object();
    out.member_or_null("token_id", s.token_id.view());
    out.member_or_null("user_id", s.user_id.view());
    out.member_or_null("viewer_ref", s.viewer_ref.view());
    out.member_or_null("node", s.node.view());
    out.member_time("started_at", s.started_at);
    out.member_time("ended_at", s.ended_at);
    out.member_or_null("end_reason", model::name(s.end_reason));
    out.member("bytes_in", s.bytes_in);
    out.member("bytes_out", s.bytes_out);
    out.end_object();
}

// Of another host's the store knows more.
std::optional<Session> in_memory(Context &ctx, const Id &id) {
    auto known = zone::Sessions(ctx.zone).find(id, ctx.loop.wall());
    if (known && !known->host.empty()) {
        known.reset();
    }
    return known;
}

Reply list(Context &ctx, Call &call, Id stream) {
    QueryReader in(call.request.query);
    store::PageAsk ask = in.page();
    store::SessionFilter filter;
    filter.action = in.choice<model::Action>("kind", model::parse_action,
                                             "publish or play");
    filter.protocol = in.choice<model::Protocol>(
        "protocol", model::parse_protocol, "whip, whep, rtmp, srt, hls or flv");
    filter.state = in.choice<model::SessionState>(
        "state", model::parse_session_state, "connecting, active or closed");
    if (!in.wrong().empty()) {
        co_return refuse_fields(call, in.wrong());
    }
    filter.stream_id = stream;
    if (!call.ask.who.admin()) {
        filter.owner = call.ask.who.user;
    }
    auto state = filter.state;
    auto page = co_await ctx.store.sessions().list(std::move(filter), ask);
    if (!page) {
        co_return refuse(call, page.error());
    }
    for (Session &s : page->rows) {
        s = in_memory(ctx, s.id).value_or(s);
    }
    // Ended since the row was written: not one of those asked for any more.
    if (state) {
        std::erase_if(page->rows,
                      [&](const Session &s) { return s.state != *state; });
    }
    co_return json_answer(200, page_json(*page, write_session));
}

// Of a stream that the caller may see, else not_found.
rt::Task<Result<Session>> session_of(Context &ctx, const Call &call) {
    auto known = in_memory(ctx, call.ask.id);
    if (!known) {
        auto stored = co_await ctx.store.sessions().by_id(call.ask.id);
        if (!stored) {
            co_return std::move(stored.error());
        }
        known = std::move(*stored);
    }
    if (!call.ask.who.admin()) {
        auto stream = co_await ctx.store.streams().get(known->stream_id);
        if (!stream && stream.error().code != Code::not_found) {
            co_return std::move(stream.error());
        }
        if (!stream || !call.ask.who.may_see(stream->owner_id)) {
            co_return Error(Code::not_found, std::string(kNoSuch));
        }
    }
    co_return std::move(*known);
}

} // namespace

Reply list_sessions(Context &ctx, Call &call) {
    auto work = list(ctx, call, Id());
    auto answer = co_await std::move(work);
    co_return answer;
}

Reply list_stream_sessions(Context &ctx, Call &call) {
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    auto work = list(ctx, call, stream->id);
    auto answer = co_await std::move(work);
    co_return answer;
}

Reply get_session(Context &ctx, Call &call) {
    auto session = co_await session_of(ctx, call);
    if (!session) {
        co_return refuse(call, session.error());
    }
    call.labels.stream = session->stream_id;
    codec::JsonWriter out(768);
    write_session(out, *session);
    co_return json_answer(200, out.take());
}

// 204 also when it has ended by itself meanwhile: it is not there any more.
Reply kick_session(Context &ctx, Call &call) {
    QueryReader in(call.request.query);
    auto seconds = in.integer("ban_seconds", 0, kLongestBan);
    if (!in.wrong().empty()) {
        co_return refuse_fields(call, in.wrong());
    }
    auto session = co_await session_of(ctx, call);
    if (!session) {
        co_return refuse(call, session.error());
    }
    call.labels.stream = session->stream_id;
    Millis ban = seconds.value_or(0) * kSecond;
    auto ended = co_await kick(ctx, *session, ban);
    if (!ended) {
        co_return refuse(call, ended.error());
    }
    auto banned = co_await share_ban(ctx, *session, ban);
    if (*ended) {
        ctx.loop.log(rt::LogLevel::notice, "session " + session->id.str() +
                                               " kicked by " +
                                               call.ask.who.user.str());
    }
    if (!banned) {
        co_return refuse(call, banned.error());
    }
    co_return no_content();
}

} // namespace ks::api
