// GET /v1/live-streams: the public directory of what is live.
#include "api/handlers.h"
#include "api/input.h"
#include "api/stream_json.h"
#include "api/stream_list.h"

#include <algorithm>

namespace ks::api {

namespace {

struct Row {
    model::Stream stream;
    model::Live live;
};

// Newest first: by when the broadcast started.
store::Cursor cursor_of(const model::Live &live) {
    store::Cursor c;
    c.created_at = live.started_at;
    c.id = live.stream_id;
    return c;
}

bool newer(const model::Live &a, const model::Live &b) {
    return a.started_at != b.started_at
               ? a.started_at > b.started_at
               : a.stream_id.view() > b.stream_id.view();
}

bool after(const model::Live &live, const store::Cursor &cursor) {
    return live.started_at != cursor.created_at
               ? live.started_at < cursor.created_at
               : live.stream_id.view() < cursor.id.view();
}

bool listed(const model::StreamFacts &facts) {
    return facts.exists && facts.enabled &&
           facts.visibility == model::Visibility::public_;
}

codec::Response directory_answer(std::string body) {
    codec::Response response = json_answer(200, std::move(body));
    response.add("Cache-Control", "public, max-age=1");
    return response;
}

} // namespace

Reply list_live(Context &ctx, Call &call) {
    QueryReader in(call.request.query);
    store::PageAsk ask = in.page();
    if (!in.wrong().empty()) {
        co_return refuse_fields(call, in.wrong());
    }
    uint64_t ticket = ctx.pages.ticket();
    WallMs now = ctx.loop.wall();
    std::vector<model::Live> lives = live_now(ctx);
    auto gone = [&](const model::Live &live) {
        return !model::is_playable(model::status_of(true, &live, now)) ||
               !after(live, ask.after);
    };
    std::erase_if(lives, gone);
    std::sort(lives.begin(), lives.end(), newer);

    store::Page<Row> page;
    store::Streams &streams = ctx.store.streams();
    int reads = 0;
    const model::Live *seen = nullptr; // the last one that was judged
    for (const model::Live &live : lives) {
        model::StreamFacts facts;
        model::Stream stream;
        bool judged = streams.facts_cached(live.stream_id, facts);
        if (judged && !listed(facts)) {
            seen = &live;
            continue;
        }
        bool full = page.rows.size() == static_cast<size_t>(ask.limit);
        bool known = !full && streams.cached(live.stream_id, stream);
        if (full || (!known && reads == kMaxReads)) {
            page.next = cursor_of(*seen);
            break;
        }
        seen = &live;
        if (!known) {
            reads++;
            auto read = co_await streams.get(live.stream_id);
            if (!read && read.error().code != Code::not_found) {
                co_return refuse(call, read.error());
            }
            if (!read) {
                continue;
            }
            stream = std::move(*read);
        }
        if (listed(model::facts_of(stream))) {
            page.rows.push_back({std::move(stream), live});
        }
    }
    Bases bases = ctx.urls.bases(call.request);
    auto write = [&](codec::JsonWriter &out, const Row &row) {
        write_public_stream(out, row.stream, row.live, bases, now);
    };
    std::string body = page_json(page, write);
    std::string key = page_key("live", call.request, "");
    ctx.pages.put(ticket, std::move(key), body, ctx.loop.now());
    co_return directory_answer(std::move(body));
}

Quick list_live_cached(Context &ctx, const codec::RequestView &request,
                       const Ask &, Labels &) {
    std::string key = page_key("live", request, "");
    const std::string *body = ctx.pages.find(key, ctx.loop.now());
    if (body == nullptr) {
        return std::nullopt;
    }
    return directory_answer(*body);
}

} // namespace ks::api
