#include "store/changes.h"

#include "store/cache.h"
#include "store/purge.h"
#include "store/text.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

constexpr std::string_view kKinds[] = {
    "stream_changed", "stream_disabled", "stream_removed", "token_revoked",
    "session_ended",  "session_linked",  "banned"};

const Statement kInsert = {
    "changes_insert",
    "INSERT INTO changes (id, at, kind, stream_id, token_id, token_hash,"
    " session_id, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    Access::write};

const Statement kSince = {
    "changes_since",
    "SELECT c.id, c.at, c.kind, c.stream_id, c.token_id, c.token_hash,"
    " COALESCE(s.enabled, 0), c.session_id, c.detail"
    " FROM changes c LEFT JOIN streams s ON s.id = c.stream_id"
    " WHERE c.at >= $1 AND (c.at > $1 OR c.id > $2)"
    " ORDER BY c.at, c.id LIMIT 1000",
    Access::read};
constexpr size_t kPage = 1000;

const Statement kPurge = {"changes_purge",
                          "DELETE FROM changes WHERE id IN"
                          " (SELECT id FROM changes WHERE at < $1"
                          " LIMIT " KS_PURGE_ROWS ")",
                          Access::write};

Change change_of(const sql::Row &row) {
    Change change;
    for (size_t i = 0; i < std::size(kKinds); i++) {
        if (row.text(2) == kKinds[i]) {
            change.kind = static_cast<ChangeKind>(i);
        }
    }
    // Enabled again meanwhile: who came since then may stay.
    if (change.kind == ChangeKind::stream_disabled && row.flag(6)) {
        change.kind = ChangeKind::stream_changed;
    }
    change.stream_id = row.id(3);
    change.token_id = row.id(4);
    change.token_hash = row.str(5);
    change.session_id = row.id(7);
    change.detail = row.str(8);
    return change;
}

} // namespace

sql::Bound announce(const Change &change, WallMs now, Entropy &entropy) {
    Id id = make_id("chg_", entropy);
    return sql::Bound(
        kInsert,
        sql::params(id, now, kKinds[static_cast<size_t>(change.kind)],
                    change.stream_id, change.token_id, change.token_hash,
                    change.session_id, change.detail));
}

bool is_announcement(const sql::Bound &bound) {
    return bound.statement->sql.starts_with("INSERT INTO changes ");
}

rt::Task<Result<void>> Changes::poll() {
    WallMs now = rt::Loop::current().wall();
    // The first time, too: the zone is older than this worker, and who made a
    // change may have been killed before it could say so.
    WallMs last = looked_ == 0 ? now : looked_;
    bool far = looked_ == 0 || now - far_ >= kEvery || now < far_;
    WallMs since = last - kOverlap;
    std::erase_if(seen_, [&](const auto &one) { return one.second < since; });
    WallMs at = far ? since : last - kShortOverlap;
    Id after;
    for (bool more = true; more;) {
        sql::Params params = sql::params(at, after);
        auto rows = co_await db_.query(kSince, std::move(params));
        if (!rows) {
            co_return std::move(rows.error());
        }
        for (size_t i = 0; i < rows->size(); i++) {
            sql::Row row = (*rows)[i];
            after = row.id(0);
            at = row.number(1);
            bool is_new = seen_.emplace(after.str(), at).second;
            if (is_new) {
                take(change_of(row));
            }
        }
        more = rows->size() >= kPage;
    }
    looked_ = now;
    far_ = far ? now : far_;
    co_return Result<void>();
}

void Changes::take(const Change &change) {
    if (!change.stream_id.empty()) {
        cache_.forget_stream(change.stream_id);
    }
    if (!change.token_hash.empty()) {
        cache_.forget_token(hash_from(change.token_hash));
    }
    if (told) {
        told(change);
    }
}

rt::Task<Result<int64_t>> Changes::purge() {
    sql::Params params = sql::params(rt::Loop::current().wall() - kKeep);
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
