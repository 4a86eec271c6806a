// POST /v1/streams, GET PATCH DELETE /v1/streams/{id}
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/stream_input.h"
#include "api/stream_json.h"

#include "codec/uri.h"

namespace ks::api {

namespace {

constexpr int kMergeTries = 5;

codec::Response stream_answer(Context &ctx, const codec::RequestView &request,
                              unsigned status, const model::Stream &stream,
                              std::string_view key = {}) {
    WallMs now = ctx.loop.wall();
    auto live = zone::Sessions(ctx.zone).find_live(stream.id, now);
    codec::JsonWriter out(1536 + stream.metadata.size());
    write_stream(out, stream, live ? &*live : nullptr, ctx.urls.bases(request),
                 now, key);
    codec::Response response = json_answer(status, out.take());
    if (key.empty()) { // with the key it is another text than GET gives
        response.add("ETag", make_etag(stream.version, response.body));
    }
    return response;
}

codec::Response if_changed(const codec::RequestView &request,
                           codec::Response response) {
    std::string_view known = request.header("If-None-Match");
    if (!known.empty() &&
        codec::if_none_match(known, response.header("ETag"))) {
        response.status = 304;
        response.body.clear();
    }
    return response;
}

codec::Response get_answer(Context &ctx, const codec::RequestView &request,
                           const model::Stream &stream) {
    return if_changed(request, stream_answer(ctx, request, 200, stream));
}

// A row and what is live now, put together.
codec::Response row_answer(Context &ctx, const codec::RequestView &request,
                           const Id &id, const RowCache::Row &row) {
    WallMs now = ctx.loop.wall();
    auto live = zone::Sessions(ctx.zone).find_live(id, now);
    if (!live) {
        codec::Response response = json_answer(200, row.idle);
        response.add("ETag", row.etag);
        return if_changed(request, std::move(response));
    }
    std::string part = live_part(row.enabled, &*live, now);
    std::string_view text = row.idle;
    std::string body;
    body.reserve(text.size() + part.size());
    body.append(text.substr(0, row.live.from)).append(part);
    body.append(text.substr(row.live.to));
    codec::Response response = json_answer(200, std::move(body));
    response.add("ETag", make_etag(row.version, response.body));
    return if_changed(request, std::move(response));
}

Error changed_meanwhile() {
    return Error(Code::precondition_failed,
                 "The stream is not what If-Match says any more. Get it "
                 "again, then change it.");
}

// What was sent, with the metadata merged into what is there.
Result<store::StreamPatch> merged(const StreamInput &input,
                                  const model::Stream &stream) {
    store::StreamPatch patch = input.patch;
    if (!input.metadata.is_object()) {
        return patch; // null: all of it goes
    }
    auto target = codec::parse_json(stream.metadata);
    if (!target) {
        return target.error();
    }
    patch.metadata = merge_patch(*target, input.metadata);
    if (patch.metadata->size() > kMaxMetadata) {
        return Error(Code::invalid_request,
                     "metadata would have more than 4096 bytes as JSON.");
    }
    return patch;
}

} // namespace

rt::Task<Result<model::Stream>> stream_of(Context &ctx, const Call &call) {
    auto stream = co_await ctx.store.streams().get(call.ask.id);
    if (stream && !call.ask.who.may_see(stream->owner_id)) {
        co_return Error(Code::not_found, std::string(kNoSuch));
    }
    if (!stream && stream.error().code == Code::not_found) {
        co_return Error(Code::not_found, std::string(kNoSuch));
    }
    co_return std::move(stream);
}

Reply create_stream(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    StreamInput input = read_stream_input(*body, true);
    if (!input.wrong.empty()) {
        co_return refuse_fields(call, input.wrong);
    }
    model::Stream wanted = new_stream(input.patch, call.ask.who.user);
    auto made = co_await ctx.store.streams().create(std::move(wanted));
    if (!made && made.error().code == Code::not_found) {
        co_return refuse(call, Error(Code::unauthorized,
                                     "Your account does not exist any more."));
    }
    if (!made) {
        co_return refuse(call, made.error());
    }
    call.labels.stream = made->stream.id;
    codec::Response response =
        stream_answer(ctx, call.request, 201, made->stream, made->key.reveal());
    std::string where(place_of(call.request).value_or(Place()).mount);
    where += "/v1/streams/";
    where += made->stream.id.view();
    response.add("Location", where);
    co_return response;
}

Reply get_stream(Context &ctx, Call &call) {
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    co_return get_answer(ctx, call.request, *stream);
}

Quick get_stream_cached(Context &ctx, const codec::RequestView &request,
                        const Ask &ask, Labels &labels) {
    std::string_view host = request.header("Host");
    Millis now = ctx.loop.now();
    const RowCache::Row *row = ctx.rows.find(ask.id, request.scheme, host, now);
    if (row == nullptr) {
        uint64_t ticket = ctx.rows.ticket();
        model::Stream stream;
        if (!ctx.store.streams().cached(ask.id, stream)) {
            return std::nullopt;
        }
        codec::JsonWriter out(1536 + stream.metadata.size());
        LivePart part =
            write_stream(out, stream, nullptr, ctx.urls.bases(request), 0);
        ctx.rows.put(ticket, stream, request.scheme, host, out.take(), part,
                     now);
        row = ctx.rows.find(ask.id, request.scheme, host, now);
        if (row == nullptr) { // too large, or changed just now
            return ask.who.may_see(stream.owner_id)
                       ? get_answer(ctx, request, stream)
                       : not_found(request, labels);
        }
    }
    return ask.who.may_see(row->owner_id)
               ? row_answer(ctx, request, ask.id, *row)
               : not_found(request, labels);
}

Reply patch_stream(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    StreamInput input = read_stream_input(*body, false);
    if (!input.wrong.empty()) {
        co_return refuse_fields(call, input.wrong);
    }
    IfMatch condition(call.request.header("If-Match"));
    if (condition.hopeless()) {
        co_return refuse(call, changed_meanwhile());
    }
    bool merging = input.metadata.is_object();
    for (int tries = 1;; tries++) {
        auto patch = merged(input, *stream);
        if (!patch) {
            co_return refuse(call, patch.error());
        }
        auto bound = condition.version(stream->version);
        bool ours = merging && !bound; // bound to what it was merged into
        if (ours) {
            bound = stream->version;
        }
        auto done = co_await ctx.store.streams().patch(
            call.ask.id, std::move(*patch), bound);
        if (done) {
            stream = std::move(done);
            break;
        }
        if (done.error().code != Code::precondition_failed) {
            co_return refuse(call, done.error());
        }
        if (!ours || tries == kMergeTries) {
            co_return refuse(call, changed_meanwhile());
        }
        auto again = co_await stream_of(ctx, call);
        if (!again) {
            co_return refuse(call, again.error());
        }
        stream = std::move(again);
    }
    if (!stream->enabled) {
        ctx.sessions.end_stream(stream->id, model::EndReason::disabled);
    }
    co_return stream_answer(ctx, call.request, 200, *stream);
}

Reply delete_stream(Context &ctx, Call &call) {
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    IfMatch condition(call.request.header("If-Match"));
    if (condition.hopeless()) {
        co_return refuse(call, changed_meanwhile());
    }
    auto bound = condition.version(stream->version);
    auto done = co_await ctx.store.streams().remove(call.ask.id, bound);
    if (!done && done.error().code == Code::precondition_failed) {
        co_return refuse(call, changed_meanwhile());
    }
    if (!done) {
        co_return refuse(call, done.error());
    }
    ctx.sessions.end_stream(call.ask.id, model::EndReason::disabled);
    co_return no_content();
}

} // namespace ks::api
