#include "store/live.h"

#include "store/purge.h"
#include "store/session_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

constexpr Millis kComesBack = 3 * kSecond; // two hosts' turns, and a little

#define KS_LIVE_COLUMNS                                                        \
    "stream_id, term, host, session_id, token_id, user_id, protocol, node,"    \
    " client_ip, held, started_at, media_at, window_until, window_seconds,"    \
    " updated_at"
#define KS_LIVE_INSERT                                                         \
    "INSERT INTO live (" KS_LIVE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6,"   \
    " $7, $8, $9, $10, $11, $12, $13, $14, $15)"                               \
    " ON CONFLICT (stream_id) DO UPDATE SET"
#define KS_LIVE_SET                                                            \
    " host = excluded.host, session_id = excluded.session_id,"                 \
    " token_id = excluded.token_id, user_id = excluded.user_id,"               \
    " protocol = excluded.protocol, node = excluded.node,"                     \
    " client_ip = excluded.client_ip, held = excluded.held,"                   \
    " started_at = excluded.started_at, media_at = excluded.media_at,"         \
    " window_until = excluded.window_until,"                                   \
    " window_seconds = excluded.window_seconds,"                               \
    " updated_at = excluded.updated_at"

// A stream that waits for nobody is anybody's.
const Statement kClaim = {
    "live_claim",
    KS_LIVE_INSERT
    " term = CASE WHEN excluded.term > live.term THEN excluded.term"
    " ELSE live.term + 1 END," KS_LIVE_SET
    " WHERE live.term <= $16 OR live.session_id = excluded.session_id"
    " OR (live.session_id = '' AND live.window_until <= excluded.updated_at)"
    " RETURNING term",
    Access::write};

const Statement kTell = {"live_tell",
                         KS_LIVE_INSERT " term = excluded.term," KS_LIVE_SET
                                        " WHERE live.term <= excluded.term"
                                        " RETURNING stream_id",
                         Access::write};

const Statement kOpen = {
    "live_open",
    "UPDATE live SET started_at = $3, updated_at = $4"
    " WHERE stream_id = $1 AND session_id = $2 AND started_at = 0",
    Access::write};

// Who was there before may go on, and is to say so first.
const Statement kWithdraw = {
    "live_withdraw",
    "UPDATE live SET session_id = '', updated_at = $3, window_until ="
    " CASE WHEN started_at = 0 THEN $4 ELSE 0 END"
    " WHERE stream_id = $1 AND session_id = $2",
    Access::write};

const Statement kUnclaim = {
    "live_unclaim",
    "UPDATE live SET session_id = '', window_until = 0, updated_at = $3"
    " WHERE stream_id = $1 AND session_id = $2",
    Access::write};

#define KS_LIVE_PAGE " LIMIT 1000" // kPage
#define KS_LIVE_AFTER                                                          \
    " updated_at >= $1 AND (updated_at > $1 OR stream_id > $2)"
#define KS_LIVE_ORDER " ORDER BY updated_at, stream_id" KS_LIVE_PAGE

const Statement kChanged = {"live_changed",
                            "SELECT " KS_LIVE_COLUMNS
                            " FROM live WHERE" KS_LIVE_AFTER KS_LIVE_ORDER,
                            Access::read};

// After a while without: what waits for nobody is of no interest.
const Statement kAll = {
    "live_all",
    "SELECT " KS_LIVE_COLUMNS " FROM live WHERE" KS_LIVE_AFTER
    " AND (session_id <> '' OR window_until > $3)" KS_LIVE_ORDER,
    Access::read};

const Statement kOne = {
    "live_one", "SELECT " KS_LIVE_COLUMNS " FROM live WHERE stream_id = $1",
    Access::read};

const Statement kCount = {
    "audience_count",
    "INSERT INTO audience (stream_id, host, viewers, updated_at)"
    " VALUES ($1, $2, $3, $4) ON CONFLICT (stream_id, host) DO UPDATE SET"
    " viewers = excluded.viewers, updated_at = excluded.updated_at",
    Access::write};

#define KS_AUDIENCE                                                            \
    "SELECT stream_id, host, viewers, updated_at FROM audience WHERE"          \
    " updated_at >= $1 AND (updated_at > $1 OR stream_id > $2"                 \
    " OR (stream_id = $2 AND host > $3))"
#define KS_AUDIENCE_ORDER " ORDER BY updated_at, stream_id, host" KS_LIVE_PAGE

const Statement kCounted = {"audience_counted", KS_AUDIENCE KS_AUDIENCE_ORDER,
                            Access::read};

const Statement kAllCounted = {"audience_all",
                               KS_AUDIENCE " AND viewers > 0" KS_AUDIENCE_ORDER,
                               Access::read};

const Statement kPurge = {
    "live_purge",
    "DELETE FROM live WHERE session_id = '' AND updated_at < $1 AND stream_id"
    " IN (SELECT stream_id FROM live WHERE session_id = '' AND updated_at < $1"
    " AND window_until < $1 LIMIT " KS_PURGE_ROWS ")",
    Access::write};

const Statement kPurgeAudience = {
    "audience_purge",
    "DELETE FROM audience WHERE viewers = 0 AND updated_at < $1",
    Access::write};

sql::Params params_of(const LiveRow &r, WallMs now) {
    const model::Session &s = r.publisher;
    const Id &token = s.id.empty() ? r.live.publisher_token : s.token_id;
    return sql::params(r.live.stream_id, r.term, r.host, s.id, token, s.user_id,
                       model::name(r.live.protocol), r.live.node.view(),
                       s.client_ip.view(), s.owner_pid != 0 ? 1 : 0,
                       r.live.started_at, r.live.media_at, r.live.window_until,
                       r.window_seconds, now);
}

LiveRow row_of(const sql::Row &row) {
    LiveRow r;
    model::Session &s = r.publisher;
    r.live.stream_id = s.stream_id = row.id(0);
    r.term = row.number(1);
    r.host = s.host = row.id(2);
    r.live.publisher = s.id = row.id(3);
    r.live.publisher_token = s.token_id = row.id(4);
    s.user_id = row.id(5);
    s.action = model::Action::publish;
    s.protocol =
        model::parse_protocol(row.text(6)).value_or(model::Protocol::rtmp);
    r.live.protocol = s.protocol;
    s.node.assign(row.text(7));
    r.live.node = s.node;
    s.client_ip.assign(row.text(8));
    s.owner_pid = row.flag(9) ? 1 : 0;
    r.live.seen_at = row.number(14);
    r.live.started_at = row.number(10);
    s.started_at = r.is_claim() ? r.live.seen_at : r.live.started_at;
    r.live.media_at = s.active_at = row.number(11);
    s.seen_at = s.started_at;
    r.live.window_until = row.number(12);
    r.window_seconds = static_cast<int32_t>(row.number(13));
    return r;
}

Audience audience_of(const sql::Row &row) {
    return {row.id(0), row.id(1), static_cast<int32_t>(row.number(2)),
            row.number(3)};
}

} // namespace

rt::Task<Result<Claimed>> LiveMap::claim(LiveRow wanted, int64_t seen,
                                         model::Session session) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = params_of(wanted, now);
    params.emplace_back(seen);
    sql::Batch batch;
    batch.emplace_back(kClaim, std::move(params), sql::Expect::rows);
    batch.push_back(write_session(session));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    Claimed claimed;
    if (outcome->done()) {
        claimed.won = true;
        claimed.row = std::move(wanted);
        claimed.row.term = outcome->rows[0][0].number(0);
    }
    co_return claimed;
}

rt::Task<Result<std::vector<bool>>> LiveMap::tell(std::vector<LiveRow> rows) {
    WallMs now = rt::Loop::current().wall();
    sql::Batch batch;
    for (size_t i = 0; i < rows.size() && i < kMaxBatch; i++) {
        batch.emplace_back(kTell, params_of(rows[i], now));
    }
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    std::vector<bool> told;
    for (const sql::Rows &r : outcome->rows) {
        told.push_back(r.any());
    }
    co_return told;
}

rt::Task<Result<void>> LiveMap::open(Id stream, Id session, WallMs started_at) {
    sql::Params params =
        sql::params(stream, session, started_at, rt::Loop::current().wall());
    auto rows = co_await db_.query(kOpen, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<void>> LiveMap::unclaim(Id stream, Id session) {
    sql::Params params =
        sql::params(stream, session, rt::Loop::current().wall());
    auto rows = co_await db_.query(kUnclaim, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<void>> LiveMap::withdraw(Id stream, Id session, Id host) {
    WallMs now = rt::Loop::current().wall();
    sql::Batch batch;
    batch.emplace_back(kWithdraw,
                       sql::params(stream, session, now, now + kComesBack));
    batch.push_back(forget_session(session, host));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<LiveRow>>> LiveMap::rows(const Statement &statement,
                                                     sql::Params params) {
    auto rows = co_await db_.query(statement, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(row_of);
}

rt::Task<Result<std::vector<LiveRow>>> LiveMap::changed(LivePlace after) {
    return rows(kChanged, sql::params(after.at, after.stream));
}

rt::Task<Result<std::vector<LiveRow>>> LiveMap::all(LivePlace after) {
    WallMs now = rt::Loop::current().wall();
    return rows(kAll, sql::params(after.at, after.stream, now - kMinute));
}

rt::Task<Result<std::vector<LiveRow>>> LiveMap::one(Id stream) {
    return rows(kOne, sql::params(stream));
}

rt::Task<Result<void>> LiveMap::count(std::vector<Audience> rows) {
    WallMs now = rt::Loop::current().wall();
    sql::Batch batch;
    for (size_t i = 0; i < rows.size() && i < kMaxBatch; i++) {
        const Audience &a = rows[i];
        batch.emplace_back(kCount,
                           sql::params(a.stream, a.host, a.viewers, now));
    }
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<Audience>>>
LiveMap::audience(const Statement &statement, LivePlace after) {
    sql::Params params = sql::params(after.at, after.stream, after.host);
    auto rows = co_await db_.query(statement, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(audience_of);
}

rt::Task<Result<std::vector<Audience>>> LiveMap::counted(LivePlace after) {
    return audience(kCounted, after);
}

rt::Task<Result<std::vector<Audience>>> LiveMap::all_counted(LivePlace after) {
    return audience(kAllCounted, after);
}

rt::Task<Result<int64_t>> LiveMap::purge(WallMs before) {
    sql::Params params = sql::params(before);
    sql::Params again = params;
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    if (!done) {
        co_return done;
    }
    auto counts = co_await db_.query(kPurgeAudience, std::move(again));
    if (!counts) {
        co_return std::move(counts.error());
    }
    co_return done;
}

} // namespace ks::store
