#include "store/streams.h"

#include "store/cache.h"
#include "store/changes.h"
#include "store/streams_sql.h"
#include "store/text.h"
#include "store/token_row.h"

namespace ks::store {

using namespace streams_sql;

namespace {

constexpr size_t kKeyPrefix = 12; // "ks_pub_" and enough to tell keys apart

Error no_such_stream() { return Error(Code::not_found, "No such stream."); }

model::Token key_of(const model::Stream &stream, const Secret &text,
                    WallMs now) {
    model::Token key;
    key.id = make_id(prefix::kKey, rt::Loop::current().entropy());
    key.stream_id = stream.id;
    key.hash = sha256(text.reveal());
    key.kind = model::TokenKind::publish;
    key.stream_key = true;
    key.created_by = stream.owner_id;
    key.created_at = now;
    return key;
}

// An absent row has two reasons.
Error why_none(const Result<model::Stream> &stream) {
    if (!stream) {
        return stream.error();
    }
    return Error(Code::precondition_failed,
                 "The stream was changed meanwhile; it is at version " +
                     std::to_string(stream->version) + ". Read it again.");
}

} // namespace

rt::Task<Result<CreatedStream>> Streams::create(model::Stream wanted) {
    auto &loop = rt::Loop::current();
    WallMs now = loop.wall();
    CreatedStream out;
    out.stream = std::move(wanted);
    out.key = new_token_text(model::TokenKind::publish, loop.entropy());
    model::Stream &s = out.stream;
    s.id = make_id(prefix::kStream, loop.entropy());
    s.key_prefix = out.key.reveal().substr(0, kKeyPrefix);
    s.key_rotated_at = s.created_at = s.updated_at = now;
    s.last_active_at = 0;
    s.version = 1;
    model::Token key = key_of(s, out.key, now);
    sql::Batch batch;
    batch.emplace_back(kInsert, insert_params(s));
    batch.emplace_back(kInsertToken, token_params(key));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        if (outcome.error().code == Code::conflict) {
            co_return Error(Code::not_found, "No such owner.");
        }
        co_return std::move(outcome.error());
    }
    cache_.forget_stream(s.id);
    co_return out;
}

bool Streams::cached(const Id &id, model::Stream &out) {
    return cache_.find_row(id, Age::fresh, out);
}

rt::Task<Result<model::Stream>> Streams::get(Id id) {
    model::Stream stream;
    if (cache_.find_row(id, Age::fresh, stream)) {
        co_return stream;
    }
    auto got = co_await fetch(id);
    if (!got && gone(got.error()) && cache_.find_row(id, Age::stale, stream)) {
        co_return stream;
    }
    co_return got;
}

bool Streams::facts_cached(const Id &id, model::StreamFacts &out) {
    return cache_.find(id, Age::fresh, out);
}

rt::Task<Result<model::StreamFacts>> Streams::facts(Id id) {
    model::StreamFacts facts;
    if (cache_.find(id, Age::fresh, facts)) {
        co_return facts;
    }
    auto got = co_await fetch(id);
    if (got) {
        co_return model::facts_of(*got);
    }
    if (got.error().code == Code::not_found) {
        co_return model::StreamFacts();
    }
    if (gone(got.error()) && cache_.find(id, Age::stale, facts)) {
        co_return facts;
    }
    co_return std::move(got.error());
}

// Many who ask at once share one look-up.
rt::Task<Result<model::Stream>> Streams::fetch(Id id) {
    decltype(flights_)::Load how = [this, id] { return load(id); };
    uint64_t stamp = cache_.stamp(id);
    auto got = co_await flights_.join(id.str(), std::move(how), stamp);
    co_return got;
}

// Fills both: the row for its owner, the facts for decide().
rt::Task<Result<model::Stream>> Streams::load(Id id) {
    auto ticket = cache_.ticket(id);
    auto row_ticket = cache_.row_ticket(id);
    auto second = cache_.look(id);
    auto look = co_await std::move(second);
    if (look.fresh && look.value) {
        cache_.fill(ticket, id, model::facts_of(*look.value), look.found.age);
        cache_.fill_row(row_ticket, *look.value, look.found.age);
        co_return std::move(*look.value);
    }
    if (look.fresh) {
        cache_.fill(ticket, id, model::StreamFacts(), look.found.age);
        co_return no_such_stream();
    }
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kById, std::move(params));
    if (!rows) {
        if (gone(rows.error()) && look.value) {
            co_return std::move(*look.value);
        }
        co_return std::move(rows.error());
    }
    bool found = !rows->empty();
    cache_.zone().counters().looked_up(zone::CacheKind::stream,
                                       zone::Tier::store, found);
    if (!found) {
        cache_.fill(ticket, id, model::StreamFacts());
        cache_.put(look, id, nullptr);
        co_return no_such_stream();
    }
    model::Stream stream = stream_of((*rows)[0]);
    cache_.put(look, id, &stream);
    cache_.fill(ticket, id, model::facts_of(stream));
    cache_.fill_row(row_ticket, stream);
    co_return stream;
}

rt::Task<Result<Page<model::Stream>>> Streams::list(StreamFilter filter,
                                                    PageAsk ask) {
    std::string visibility(filter.visibility ? model::name(*filter.visibility)
                                             : std::string_view());
    int enabled = filter.enabled ? static_cast<int>(*filter.enabled) : -1;
    std::string q = filter.q.empty() ? "" : like(lower(filter.q));
    sql::Params params = sql::params(ask.after.created_at, ask.after.id,
                                     visibility, enabled, q, ask.limit + 1);
    const sql::Statement *statement = &kListOfAll;
    if (!filter.owner.empty()) {
        statement = &kListOfOwner;
        params.emplace_back(filter.owner);
    }
    auto rows = co_await db_.query(*statement, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return page_of<model::Stream>(*rows, ask.limit, stream_of);
}

rt::Task<Result<model::Stream>>
Streams::patch(Id id, StreamPatch patch, std::optional<int64_t> if_version) {
    auto &loop = rt::Loop::current();
    WallMs now = loop.wall();
    Change change;
    change.kind = patch.enabled == false ? ChangeKind::stream_disabled
                                         : ChangeKind::stream_changed;
    change.stream_id = id;
    sql::Batch batch;
    batch.emplace_back(
        kPatch, patch_params(id, patch, now, if_version.value_or(kAnyVersion)),
        sql::Expect::rows);
    batch.push_back(announce(change, now, loop.entropy()));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    cache_.forget_stream(id);
    if (!outcome->done()) {
        auto now_there = co_await load(id);
        co_return why_none(now_there);
    }
    co_return stream_of(outcome->rows[0][0]);
}

rt::Task<Result<model::Stream>> Streams::set_enabled(Id id, bool enabled) {
    StreamPatch change;
    change.enabled = enabled;
    auto result = co_await patch(id, std::move(change));
    co_return result;
}

// A token that is made between the first two statements refuses the second, and
// nothing is done; the next try takes it along.
rt::Task<Result<sql::Outcome>> Streams::remove_rows(Id id, int64_t version) {
    constexpr int kTries = 3;
    auto &loop = rt::Loop::current();
    Change change;
    change.kind = ChangeKind::stream_removed;
    change.stream_id = id;
    for (int i = 1;; i++) {
        sql::Batch batch;
        batch.emplace_back(kRemoveTokens, sql::params(id));
        batch.emplace_back(kRemove, sql::params(id, version),
                           sql::Expect::rows);
        batch.push_back(announce(change, loop.wall(), loop.entropy()));
        auto outcome = co_await db_.batch(std::move(batch));
        if (outcome || outcome.error().code != Code::conflict || i == kTries) {
            co_return outcome;
        }
    }
}

rt::Task<Result<void>> Streams::remove(Id id,
                                       std::optional<int64_t> if_version) {
    auto outcome = co_await remove_rows(id, if_version.value_or(kAnyVersion));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    cache_.forget_stream(id);
    if (!outcome->done()) {
        auto now_there = co_await load(id);
        co_return why_none(now_there);
    }
    const sql::Rows &tokens = outcome->rows[0];
    for (size_t i = 0; i < tokens.size(); i++) {
        cache_.forget_token(hash_from(tokens[i].text(0)));
    }
    co_return Result<void>();
}

rt::Task<Result<CreatedStream>> Streams::reset_key(Id id) {
    auto &loop = rt::Loop::current();
    WallMs now = loop.wall();
    CreatedStream out;
    out.key = new_token_text(model::TokenKind::publish, loop.entropy());
    out.stream.id = id;
    model::Token key = key_of(out.stream, out.key, now);
    Id change = make_id("chg_", loop.entropy());
    sql::Batch batch;
    batch.emplace_back(
        kSetKey, sql::params(id, out.key.reveal().substr(0, kKeyPrefix), now),
        sql::Expect::rows);
    batch.emplace_back(kAnnounceKeys, sql::params(id, change, now));
    batch.emplace_back(kRevokeKeys, sql::params(id, now));
    batch.emplace_back(kInsertToken, token_params(key));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    if (!outcome->done()) {
        co_return no_such_stream();
    }
    cache_.forget_stream(id);
    const sql::Rows &revoked = outcome->rows[2];
    for (size_t i = 0; i < revoked.size(); i++) {
        cache_.forget_token(hash_from(revoked[i].text(0)));
    }
    out.stream = stream_of(outcome->rows[0][0]);
    co_return out;
}

rt::Task<Result<void>> Streams::touch(Id id, WallMs last_active_at) {
    sql::Params params = sql::params(id, last_active_at);
    auto rows = co_await db_.query(kTouch, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    cache_.forget_row(id);
    co_return Result<void>();
}

} // namespace ks::store
