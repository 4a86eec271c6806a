#include "store/session_row.h"

namespace ks::store {

namespace {

// One that has ended is written once more when its connection is really gone
// (held), and whole by a host that was taken for dead and is not.  The name at
// a media server may have been written by another host, and that it is to end.
const sql::Statement kUpsert = {
    "sessions_upsert",
    "INSERT INTO sessions (" KS_SESSION_COLUMNS ") VALUES ($1, $2, $3, $4, $5,"
    " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
    " $21, $22, $23)"
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
    " end_reason = CASE WHEN excluded.end_reason = '' AND sessions.ended_at = 0"
    " THEN sessions.end_reason ELSE excluded.end_reason END,"
    " node = excluded.node,"
    " seen_at = excluded.seen_at, active_at = excluded.active_at,"
    " ended_at = excluded.ended_at, bytes_in = excluded.bytes_in,"
    " bytes_out = excluded.bytes_out, held = excluded.held,"
    " resource = excluded.resource, srs_client ="
    " CASE WHEN excluded.srs_client = '' AND excluded.host <> ''"
    " THEN sessions.srs_client ELSE excluded.srs_client END, srs_service ="
    " CASE WHEN excluded.srs_client = '' AND excluded.host <> ''"
    " THEN sessions.srs_service ELSE excluded.srs_service END"
    " WHERE sessions.host = excluded.host"
    " AND (sessions.ended_at = 0 OR sessions.held > excluded.held"
    " OR sessions.held = 2)"
    " AND sessions.seen_at <= excluded.seen_at",
    sql::Access::write};

// Of one that was there after all there is more than its claim wrote.
const sql::Statement kForget = {"sessions_forget",
                                "DELETE FROM sessions WHERE id = $1"
                                " AND host = $2 AND ended_at = 0"
                                " AND active_at = 0",
                                sql::Access::write};

} // namespace

sql::Bound write_session(const model::Session &s) {
    return sql::Bound(
        kUpsert,
        sql::params(s.id, s.stream_id, s.token_id, s.user_id,
                    model::name(s.action), model::name(s.protocol),
                    model::name(s.state), model::name(s.end_reason),
                    s.client_ip.view(), s.user_agent.view(),
                    s.viewer_ref.view(), s.node.view(), s.started_at, s.seen_at,
                    s.active_at, s.ended_at, s.bytes_in, s.bytes_out,
                    s.srs_client.view(), s.srs_service.view(), s.host,
                    s.owner_pid != 0 ? 1 : 0, s.upstream_resource.view()));
}

sql::Bound forget_session(const Id &session, const Id &host) {
    return sql::Bound(kForget, sql::params(session, host));
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
    s.host = row.id(20);
    s.owner_pid = static_cast<int32_t>(row.number(21));
    s.upstream_resource.assign(row.text(22));
    return s;
}

} // namespace ks::store
