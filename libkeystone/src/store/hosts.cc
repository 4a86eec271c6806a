#include "store/hosts.h"

#include "store/session_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

constexpr size_t kEstate = 500; // sessions that one call hands over
#define KS_ESTATE "500"

const Statement kBeat = {
    "hosts_beat",
    "INSERT INTO hosts (id, name, place, beats, started_at, seen_at, left_at)"
    " VALUES ($1, $2, $3, 1, $4, $5, 0) ON CONFLICT (id) DO UPDATE SET"
    " place = excluded.place, beats = hosts.beats + 1,"
    " seen_at = excluded.seen_at, left_at = 0 RETURNING beats",
    Access::write};

const Statement kLeave = {"hosts_leave",
                          "UPDATE hosts SET left_at = $2, beats = beats + 1"
                          " WHERE id = $1",
                          Access::write};

const Statement kAll = {
    "hosts_all",
    "SELECT id, name, place, beats, started_at, seen_at, left_at FROM hosts"
    " ORDER BY id",
    Access::read};

// Whoever deletes its row buries it; it may have beaten since it was looked at.
const Statement kClaim = {"hosts_bury",
                          "DELETE FROM hosts WHERE id = $1 AND beats = $2",
                          Access::write};

// Not of one that is back.
#define KS_NOT_THERE " AND NOT EXISTS (SELECT 1 FROM hosts WHERE id = $1)"

const Statement kLoseStreams = {
    "live_lose",
    "UPDATE live SET session_id = '', media_at = 0, updated_at = $2,"
    " window_until = CASE WHEN window_seconds > 0"
    " THEN $2 + window_seconds * 1000 ELSE 0 END"
    " WHERE host = $1 AND session_id <> '' AND (held = 1 OR node = ''"
    " OR NOT EXISTS (SELECT 1 FROM sessions WHERE id = live.session_id"
    " AND ended_at = 0))" KS_NOT_THERE,
    Access::write};

// What a worker held, and viewers that have no connection.
const Statement kLoseSessions = {
    "sessions_lose",
    "UPDATE sessions SET state = 'closed', held = 2, end_reason ="
    " CASE WHEN end_reason = '' THEN 'upstream' ELSE end_reason END,"
    " ended_at = CASE WHEN seen_at > 0 THEN seen_at ELSE 1 END"
    " WHERE host = $1 AND ended_at = 0"
    " AND (held = 1 OR node = '')" KS_NOT_THERE,
    Access::write};

const Statement kInherit = {
    "sessions_inherit",
    "UPDATE sessions SET host = $2 WHERE id IN (SELECT id FROM sessions"
    " WHERE host = $1 AND ended_at = 0 AND held = 0 AND node <> ''"
    " ORDER BY id LIMIT " KS_ESTATE ") AND host = $1" KS_NOT_THERE
    " RETURNING " KS_SESSION_COLUMNS,
    Access::write};

// A stream goes where its session went.
const Statement kInheritStreams = {
    "live_inherit",
    "UPDATE live SET host = $2, term = term + 1, updated_at = $3"
    " WHERE host = $1 AND session_id IN"
    " (SELECT id FROM sessions WHERE host = $2 AND ended_at = 0)",
    Access::write};

const Statement kForgetAudience = {
    "audience_forget", "DELETE FROM audience WHERE host = $1", Access::write};

// They have something, and no row in `hosts`.
const Statement kStrays = {
    "hosts_strays",
    "SELECT host FROM (SELECT host FROM live WHERE session_id <> ''"
    " UNION SELECT host FROM sessions WHERE ended_at = 0 AND host <> '') h"
    " WHERE NOT EXISTS (SELECT 1 FROM hosts WHERE id = h.host)",
    Access::read};

const Statement kOnNodes = {
    "sessions_on_nodes_of",
    "SELECT " KS_SESSION_COLUMNS " FROM sessions WHERE host = $1"
    " AND host <> '' AND ended_at = 0 AND held = 0 AND node <> ''"
    " AND id > $2 ORDER BY id LIMIT 1000",
    Access::read};

HostRow host_of(const sql::Row &row) {
    HostRow h;
    h.id = row.id(0);
    h.name = row.str(1);
    h.place = row.str(2);
    h.beats = row.number(3);
    h.started_at = row.number(4);
    h.seen_at = row.number(5);
    h.left_at = row.number(6);
    return h;
}

} // namespace

rt::Task<Result<int64_t>> Hosts::beat(HostRow host) {
    sql::Params params = sql::params(host.id, host.name, host.place,
                                     host.started_at, host.seen_at);
    auto rows = co_await db_.query(kBeat, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->empty() ? int64_t{0} : (*rows)[0].number(0);
}

rt::Task<Result<void>> Hosts::leave(Id host) {
    sql::Params params = sql::params(host, rt::Loop::current().wall());
    auto rows = co_await db_.query(kLeave, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<HostRow>>> Hosts::all() {
    sql::Params none;
    auto rows = co_await db_.query(kAll, std::move(none));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(host_of);
}

rt::Task<Result<std::vector<Id>>> Hosts::strays() {
    sql::Params none;
    auto rows = co_await db_.query(kStrays, std::move(none));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all([](const sql::Row &row) { return row.id(0); });
}

rt::Task<Result<Hosts::Estate>> Hosts::bury(Id dead, int64_t beats, Id heir) {
    WallMs now = rt::Loop::current().wall();
    sql::Batch batch;
    if (beats != kNoRow) {
        batch.emplace_back(kClaim, sql::params(dead, beats), sql::Expect::rows);
    }
    batch.emplace_back(kLoseStreams, sql::params(dead, now));
    batch.emplace_back(kLoseSessions, sql::params(dead));
    size_t inherited = batch.size();
    batch.emplace_back(kInherit, sql::params(dead, heir));
    batch.emplace_back(kInheritStreams, sql::params(dead, heir, now));
    batch.emplace_back(kForgetAudience, sql::params(dead));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    Estate estate;
    if (!outcome->done()) {
        co_return estate;
    }
    estate.ours = true;
    estate.sessions = outcome->rows[inherited].all(session_of);
    estate.more = estate.sessions.size() == kEstate;
    co_return estate;
}

rt::Task<Result<std::vector<model::Session>>> Hosts::on_nodes(Id host,
                                                              Id after) {
    sql::Params params = sql::params(host, after);
    auto rows = co_await db_.query(kOnNodes, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(session_of);
}

} // namespace ks::store
