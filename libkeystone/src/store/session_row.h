// The row of a session, for the files that read or write one.
#pragma once

#include "model/session.h"
#include "sql/database.h"

namespace ks::store {

#define KS_SESSION_COLUMNS                                                     \
    "id, stream_id, token_id, user_id, kind, protocol, state, end_reason,"     \
    " client_ip, user_agent, viewer_ref, node, started_at, seen_at,"           \
    " active_at, ended_at, bytes_in, bytes_out, srs_client, srs_service,"      \
    " host, held, resource"

// owner_pid only tells whether a worker held it.
model::Session session_of(const sql::Row &row);

// The statement that writes it behind: an older picture changes nothing, and
// nobody but the session's host writes it.
sql::Bound write_session(const model::Session &session);

// The statement that takes back the row of one that was never opened.
sql::Bound forget_session(const Id &session, const Id &host);

} // namespace ks::store
