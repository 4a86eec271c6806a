#include "store/sessions.h"

#include "store/purge.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

#define KS_SESSION_COLUMNS                                                     \
    "id, stream_id, token_id, user_id, kind, protocol, state, end_reason,"     \
    " client_ip, user_agent, viewer_ref, node, started_at, seen_at, "          \
    "active_at,"                                                               \
    " ended_at, bytes_in, bytes_out, srs_client, srs_service"

const Statement kUpsert = {
    "sessions_upsert",
    "INSERT INTO sessions (" KS_SESSION_COLUMNS ") VALUES ($1, $2, $3, $4, $5,"
    " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
    " end_reason = excluded.end_reason, node = excluded.node,"
    " seen_at = excluded.seen_at, active_at = excluded.active_at,"
    " ended_at = excluded.ended_at, bytes_in = excluded.bytes_in,"
    " bytes_out = excluded.bytes_out, srs_client = excluded.srs_client,"
    " srs_service = excluded.srs_service"
    " WHERE sessions.ended_at = 0 AND sessions.seen_at <= excluded.seen_at",
    Access::write};

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

const Statement kCloseLost = {
    "sessions_close_lost",
    "UPDATE sessions SET state = 'closed', end_reason = 'timeout',"
    " ended_at = CASE WHEN seen_at > 0 THEN seen_at ELSE 1 END WHERE id IN"
    " (SELECT id FROM sessions WHERE ended_at = 0 AND seen_at < $1"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

const Statement kPurge = {
    "sessions_purge",
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE ended_at > 0 AND ended_at < $1"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

sql::Params params_of(const model::Session &s) {
    return sql::params(s.id, s.stream_id, s.token_id, s.user_id,
                       model::name(s.action), model::name(s.protocol),
                       model::name(s.state), model::name(s.end_reason),
                       s.client_ip.view(), s.user_agent.view(),
                       s.viewer_ref.view(), s.node.view(), s.started_at,
                       s.seen_at, s.active_at, s.ended_at, s.bytes_in,
                       s.bytes_out, s.srs_client.view(), s.srs_service.view());
}

model::Session session_of(const sql::Row &row) {
    model::Session s;
    s.id = row.id(0);
    s.stream_id = row.id(1);
    s.token_id = row.id(2);
    s.user_id = row.id(3);
    s.action = model::parse_action(row.text(4)).value_or(model::Action::play);
    s.protocol =
        model::parse_protocol(row.text(5)).value_or(model::Protocol::hls);
    s.state = model::parse_session_state(row.text(6))
                  .value_or(model::SessionState::closed);
    s.end_reason =
        model::parse_end_reason(row.text(7)).value_or(model::EndReason::none);
    s.client_ip.assign(row.text(8));
    s.user_agent.assign(row.text(9));
    s.viewer_ref.assign(row.text(10));
    s.node.assign(row.text(11));
    s.started_at = row.number(12);
    s.seen_at = row.number(13);
    s.active_at = row.number(14);
    s.ended_at = row.number(15);
    s.bytes_in = row.number(16);
    s.bytes_out = row.number(17);
    s.srs_client.assign(row.text(18));
    s.srs_service.assign(row.text(19));
    return s;
}

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
        batch.emplace_back(kUpsert, params_of(rows[i]));
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
    std::vector<model::Session> all;
    all.reserve(rows->size());
    for (size_t i = 0; i < rows->size(); i++) {
        all.push_back(session_of((*rows)[i]));
    }
    co_return all;
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
