// GET /v1/streams
#include "api/stream_list.h"

#include "api/handlers.h"
#include "api/input.h"
#include "api/stream_json.h"

#include "base/bytes.h"

#include <algorithm>

namespace ks::api {

namespace {

using StreamPage = store::Page<model::Stream>;

constexpr int kMaxPages = 10; // of the store, of kMaxReads rows

store::Cursor cursor_of(const model::Stream &s) {
    store::Cursor c;
    c.created_at = s.created_at;
    c.id = s.id;
    return c;
}

// `a` comes before `b` in a list: newer first.
bool before(const store::Cursor &a, const store::Cursor &b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at
                                        : a.id.view() > b.id.view();
}

model::Status status_now(Context &ctx, const Id &stream, WallMs now) {
    auto live = zone::Sessions(ctx.zone).find_live(stream, now);
    return model::status_of(true, live ? &*live : nullptr, now);
}

bool contains_text(std::string_view text, std::string_view part) {
    return lower(text).find(lower(part)) != std::string::npos;
}

bool fits(const model::Stream &s, const store::StreamFilter &filter) {
    return s.enabled && (filter.owner.empty() || s.owner_id == filter.owner) &&
           (!filter.visibility || s.visibility == *filter.visibility) &&
           (filter.q.empty() || contains_text(s.title, filter.q));
}

bool may_fit(const model::StreamFacts &s, const store::StreamFilter &filter) {
    return s.exists && s.enabled &&
           (filter.owner.empty() || s.owner_id == filter.owner) &&
           (!filter.visibility || s.visibility == *filter.visibility);
}

// Those with the status that may fit, by what is cached of them.
std::vector<Id> candidates(Context &ctx, const Wanted &wanted) {
    WallMs now = ctx.loop.wall();
    std::vector<Id> ids;
    auto lives = live_now(ctx);
    for (const model::Live &live : lives) {
        model::StreamFacts facts;
        if (model::status_of(true, &live, now) == *wanted.status &&
            (!ctx.store.streams().facts_cached(live.stream_id, facts) ||
             may_fit(facts, wanted.filter))) {
            ids.push_back(live.stream_id);
        }
    }
    return ids;
}

// Few are live: they are looked up one by one, mostly in the cache.
rt::Task<Result<StreamPage>> pick_streams(Context &ctx, const Wanted &wanted,
                                          const store::PageAsk &ask,
                                          const std::vector<Id> &ids) {
    std::vector<model::Stream> rows;
    for (const Id &id : ids) {
        auto stream = co_await ctx.store.streams().get(id);
        if (!stream && stream.error().code != Code::not_found) {
            co_return stream.error();
        }
        if (stream && fits(*stream, wanted.filter) &&
            before(ask.after, cursor_of(*stream))) {
            rows.push_back(std::move(*stream));
        }
    }
    auto newer = [](const model::Stream &a, const model::Stream &b) {
        return before(cursor_of(a), cursor_of(b));
    };
    std::sort(rows.begin(), rows.end(), newer);
    StreamPage page;
    auto limit = static_cast<size_t>(ask.limit);
    if (rows.size() > limit) {
        rows.resize(limit);
        page.next = cursor_of(rows.back());
    }
    page.rows = std::move(rows);
    co_return std::move(page);
}

// Through all that fit, past those of another status.
rt::Task<Result<StreamPage>> walk_streams(Context &ctx, const Wanted &wanted,
                                          const store::PageAsk &ask) {
    WallMs now = ctx.loop.wall();
    StreamPage page;
    store::PageAsk next = ask;
    for (int reads = 0; reads < kMaxPages; reads++) {
        auto got = co_await ctx.store.streams().list(wanted.filter, next);
        if (!got) {
            co_return got.error();
        }
        for (model::Stream &s : got->rows) {
            if (status_now(ctx, s.id, now) != *wanted.status) {
                continue;
            }
            if (page.rows.size() == static_cast<size_t>(ask.limit)) {
                page.next = cursor_of(page.rows.back());
                co_return std::move(page);
            }
            page.rows.push_back(std::move(s));
        }
        page.next = got->next;
        if (!got->next) {
            break;
        }
        next.after = *got->next;
        next.limit = kMaxReads;
    }
    co_return std::move(page);
}

} // namespace

std::vector<model::Live> live_now(Context &ctx) {
    std::vector<model::Live> lives;
    auto note = [&](const model::Live &live) {
        if (!live.publisher.empty() || live.window_until != 0) {
            lives.push_back(live);
        }
    };
    zone::Sessions(ctx.zone).each_live(ctx.loop.wall(), note);
    return lives;
}

std::string page_key(std::string_view what, const codec::RequestView &request,
                     std::string_view who) {
    std::string key;
    key.reserve(160);
    for (std::string_view part :
         {what, who, request.query, request.scheme, request.header("Host")}) {
        key += part;
        key += '\n';
    }
    return key;
}

rt::Task<Result<StreamPage>> find_streams(Context &ctx, const Wanted &wanted,
                                          const store::PageAsk &ask) {
    Wanted precise = wanted;
    if (wanted.status) {
        precise.filter.enabled = *wanted.status != model::Status::disabled;
    }
    if (!wanted.status || *wanted.status == model::Status::disabled) {
        auto page = co_await ctx.store.streams().list(precise.filter, ask);
        co_return std::move(page);
    }
    if (*wanted.status != model::Status::idle) {
        auto ids = candidates(ctx, precise);
        if (ids.size() <= static_cast<size_t>(kMaxReads)) {
            auto few = co_await pick_streams(ctx, precise, ask, ids);
            co_return std::move(few);
        }
    }
    auto page = co_await walk_streams(ctx, precise, ask);
    co_return std::move(page);
}

Reply list_streams(Context &ctx, Call &call) {
    QueryReader in(call.request.query);
    store::PageAsk ask = in.page();
    Wanted wanted;
    wanted.status = in.choice<model::Status>(
        "status", model::parse_status,
        "idle, connecting, active, reconnecting or disabled");
    wanted.filter.visibility = in.choice<model::Visibility>(
        "visibility", model::parse_visibility, "public, unlisted or private");
    auto owner = in.text("owner", Id::capacity());
    wanted.filter.q = in.text("q", 200).value_or("");
    if (!in.wrong().empty()) {
        co_return refuse_fields(call, in.wrong());
    }
    const Principal &who = call.ask.who;
    wanted.filter.owner = who.user;
    if (owner) {
        wanted.filter.owner.assign(*owner);
        if (!who.may_see(wanted.filter.owner)) {
            co_return refuse(call, Error(Code::forbidden,
                                         "Only an administrator may list the "
                                         "streams of others."));
        }
    }

    uint64_t ticket = ctx.pages.ticket();
    auto page = co_await find_streams(ctx, wanted, ask);
    if (!page) {
        co_return refuse(call, page.error());
    }
    Bases bases = ctx.urls.bases(call.request);
    WallMs now = ctx.loop.wall();
    auto write = [&](codec::JsonWriter &out, const model::Stream &s) {
        auto live = zone::Sessions(ctx.zone).find_live(s.id, now);
        write_stream(out, s, live ? &*live : nullptr, bases, now);
    };
    std::string body = page_json(*page, write);
    std::string key =
        page_key(who.admin() ? "all" : "own", call.request, who.user.view());
    ctx.pages.put(ticket, std::move(key), body, ctx.loop.now());
    co_return json_answer(200, std::move(body));
}

Quick list_streams_cached(Context &ctx, const codec::RequestView &request,
                          const Ask &ask, Labels &) {
    std::string key =
        page_key(ask.who.admin() ? "all" : "own", request, ask.who.user.view());
    const std::string *body = ctx.pages.find(key, ctx.loop.now());
    if (body == nullptr) {
        return std::nullopt;
    }
    return json_answer(200, *body);
}

} // namespace ks::api
