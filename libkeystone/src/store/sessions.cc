#include "store/sessions.h"

#include "store/changes.h"
#include "store/purge.h"
#include "store/session_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

const Statement kById = {
    "sessions_by_id",
    "SELECT " KS_SESSION_COLUMNS " FROM sessions WHERE id = $1", Access::read};

#define KS_SESSION_FILTER                                                      \
    " (started_at, id) < ($1, $2) AND ($3 = '' OR kind = $3)"                  \
    " AND ($4 = '' OR protocol = $4) AND ($5 = '' OR state = $5)"              \
    " AND ($6 = '' OR stream_id IN"                                            \
    " (SELECT id FROM streams WHERE owner_id = $6))"
#define KS_SESSION_ORDER " ORDER BY started_at DESC, id DESC LIMIT $7"

const Statement kListOfStream = {
    "sessions_list_of_stream",
    "SELECT " KS_SESSION_COLUMNS
    " FROM sessions WHERE stream_id = $8 AND" KS_SESSION_FILTER
        KS_SESSION_ORDER,
    Access::read};

const Statement kListOfAll = {
    "sessions_list_of_all",
    "SELECT " KS_SESSION_COLUMNS
    " FROM sessions WHERE" KS_SESSION_FILTER KS_SESSION_ORDER,
    Access::read};

const Statement kOnNodes = {
    "sessions_on_nodes",
    "SELECT " KS_SESSION_COLUMNS
    " FROM sessions WHERE ended_at = 0 AND srs_client <> ''"
    " AND seen_at > $1 ORDER BY started_at LIMIT $2",
    Access::read};

const Statement kByClient = {
    "sessions_by_client",
    "SELECT " KS_SESSION_COLUMNS
    " FROM sessions WHERE ended_at = 0 AND host <> '' AND srs_client = $1"
    " AND srs_service = $2 AND node = $3",
    Access::read};

const Statement kClients = {
    "sessions_clients",
    "SELECT " KS_SESSION_COLUMNS
    " FROM sessions WHERE ended_at = 0 AND host <> '' AND srs_client <> ''"
    " AND srs_service = $1 AND node = $2",
    Access::read};

const Statement kLink = {
    "sessions_link",
    "UPDATE sessions SET srs_service = $2, srs_client = $3 WHERE id = $1"
    " AND ended_at = 0 AND (srs_client = '' OR held = 1"
    " OR (srs_service = $2 AND srs_client = $3)) RETURNING id",
    Access::write};

// Its host may be dead, which nobody knows yet: its heir finds it here.
const Statement kMarkEnd = {
    "sessions_mark_end",
    "UPDATE sessions SET end_reason = $2 WHERE id = $1 AND ended_at = 0"
    " AND end_reason = ''",
    Access::write};

#define KS_SIXTEEN                                                             \
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16"

const Statement kByIds = {"sessions_by_ids",
                          "SELECT " KS_SESSION_COLUMNS
                          " FROM sessions WHERE id IN (" KS_SIXTEEN ")",
                          Access::read};

const Statement kCloseLost = {
    "sessions_close_lost",
    "UPDATE sessions SET state = 'closed', end_reason ="
    " CASE WHEN end_reason = '' THEN 'timeout' ELSE end_reason END,"
    " ended_at = CASE WHEN seen_at > 0 THEN seen_at ELSE 1 END"
    " WHERE ended_at = 0 AND seen_at < $1 AND id IN"
    " (SELECT id FROM sessions WHERE ended_at = 0 AND seen_at < $1"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

const Statement kPurge = {
    "sessions_purge",
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE ended_at > 0 AND ended_at < $1"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

template <class E> std::string_view name_or_none(const std::optional<E> &v) {
    return v ? model::name(*v) : std::string_view();
}

} // namespace

rt::Task<Result<void>> Sessions::write(std::vector<model::Session> rows) {
    if (rows.empty()) {
        co_return Result<void>();
    }
    sql::Batch batch;
    batch.reserve(rows.size());
    for (size_t i = 0; i < rows.size() && i < kMaxBatch; i++) {
        batch.push_back(write_session(rows[i]));
    }
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return Result<void>();
}

rt::Task<Result<model::Session>> Sessions::by_id(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kById, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->empty()) {
        co_return Error(Code::not_found, "No such session.");
    }
    co_return session_of((*rows)[0]);
}

rt::Task<Result<Page<model::Session>>> Sessions::list(SessionFilter filter,
                                                      PageAsk ask) {
    sql::Params params =
        sql::params(ask.after.created_at, ask.after.id,
                    name_or_none(filter.action), name_or_none(filter.protocol),
                    name_or_none(filter.state), filter.owner, ask.limit + 1);
    const Statement *statement = &kListOfAll;
    if (!filter.stream_id.empty()) {
        statement = &kListOfStream;
        params.emplace_back(filter.stream_id);
    }
    auto rows = co_await db_.query(*statement, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return page_of(*rows, ask.limit, session_of,
                      &model::Session::started_at);
}

rt::Task<Result<std::vector<model::Session>>>
Sessions::on_nodes(WallMs since, int64_t limit) {
    sql::Params params = sql::params(since, limit);
    auto rows = co_await db_.query(kOnNodes, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(session_of);
}

rt::Task<Result<std::vector<model::Session>>>
Sessions::by_client(std::string node, std::string service, std::string client) {
    sql::Params params = sql::params(client, service, node);
    auto rows = co_await db_.query(kByClient, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(session_of);
}

rt::Task<Result<std::vector<model::Session>>>
Sessions::clients(std::string node, std::string service) {
    sql::Params params = sql::params(service, node);
    auto rows = co_await db_.query(kClients, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->size() >= sql::Database::kMaxRows) {
        co_return Error(Code::overloaded, "There are too many sessions.");
    }
    co_return rows->all(session_of);
}

rt::Task<Result<std::vector<model::Session>>>
Sessions::by_ids(std::vector<Id> ids) {
    sql::Params params;
    for (size_t i = 0; i < kMaxIds; i++) {
        params.emplace_back(i < ids.size() ? ids[i].view() : "");
    }
    auto rows = co_await db_.query(kByIds, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(session_of);
}

rt::Task<Result<bool>> Sessions::link(Id id, std::string service,
                                      std::string client, std::string stream) {
    rt::Loop &loop = rt::Loop::current();
    Change change;
    change.kind = ChangeKind::session_linked;
    change.session_id = id;
    change.detail = service + ' ' + client + ' ' + stream;
    sql::Batch batch;
    batch.emplace_back(kLink, sql::params(id, service, client),
                       sql::Expect::rows);
    batch.push_back(announce(change, loop.wall(), loop.entropy()));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return outcome->done();
}

rt::Task<Result<void>> Sessions::tell_end(Id id, model::EndReason reason) {
    rt::Loop &loop = rt::Loop::current();
    Change change;
    change.kind = ChangeKind::session_ended;
    change.session_id = id;
    change.detail = model::name(reason);
    sql::Batch batch;
    batch.emplace_back(kMarkEnd, sql::params(id, change.detail));
    batch.push_back(announce(change, loop.wall(), loop.entropy()));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return Result<void>();
}

rt::Task<Result<int64_t>> Sessions::close_lost(WallMs before) {
    sql::Params params = sql::params(before);
    auto done = co_await purge_all(db_, kCloseLost, std::move(params));
    co_return done;
}

rt::Task<Result<int64_t>> Sessions::purge(WallMs ended_before) {
    sql::Params params = sql::params(ended_before);
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
