#include "store/streams_sql.h"

#include "store/text.h"

namespace ks::store::streams_sql {

using sql::Access;
using sql::Statement;

#define KS_STREAM_COLUMNS                                                      \
    "id, owner_id, title, description, visibility, enabled, max_viewers,"      \
    " reconnect_window_seconds, takeover, allowed_origins, metadata,"          \
    " key_prefix, key_rotated_at, last_active_at, created_at, updated_at,"     \
    " version"

#define KS_STREAM_FILTER                                                       \
    " (created_at, id) < ($1, $2) AND ($3 = '' OR visibility = $3)"            \
    " AND ($4 < 0 OR enabled = $4)"                                            \
    " AND ($5 = '' OR lower(title) LIKE lower($5) ESCAPE '\\')"                \
    " ORDER BY created_at DESC, id DESC LIMIT $6"

const Statement kInsert = {
    "streams_insert",
    "INSERT INTO streams (" KS_STREAM_COLUMNS ") VALUES ($1, $2, $3, $4, $5,"
    " $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    Access::write};

const Statement kById = {
    "streams_by_id", "SELECT " KS_STREAM_COLUMNS " FROM streams WHERE id = $1",
    Access::read};

const Statement kListOfOwner = {"streams_list_of_owner",
                                "SELECT " KS_STREAM_COLUMNS
                                " FROM streams WHERE owner_id = $7"
                                " AND" KS_STREAM_FILTER,
                                Access::read};

const Statement kListOfAll = {"streams_list_of_all",
                              "SELECT " KS_STREAM_COLUMNS
                              " FROM streams WHERE" KS_STREAM_FILTER,
                              Access::read};

const Statement kPatch = {
    "streams_patch",
    "UPDATE streams SET"
    " title = COALESCE($4, title),"
    " description = COALESCE($5, description),"
    " visibility = COALESCE($6, visibility),"
    " enabled = COALESCE($7, enabled),"
    " max_viewers = COALESCE($8, max_viewers),"
    " reconnect_window_seconds = COALESCE($9, reconnect_window_seconds),"
    " takeover = COALESCE($10, takeover),"
    " allowed_origins = COALESCE($11, allowed_origins),"
    " metadata = COALESCE($12, metadata),"
    " updated_at = $3, version = version + 1"
    " WHERE id = $1 AND ($2 < 0 OR version = $2)"
    " RETURNING " KS_STREAM_COLUMNS,
    Access::write};

const Statement kRemoveTokens = {
    "streams_remove_tokens",
    "DELETE FROM tokens WHERE stream_id = $1 RETURNING hash", Access::write};

const Statement kRemove = {
    "streams_remove",
    "DELETE FROM streams WHERE id = $1 AND ($2 < 0 OR version = $2)",
    Access::write};

const Statement kAnnounceKeys = {
    "streams_announce_keys",
    "INSERT INTO changes (id, at, kind, stream_id, token_id, token_hash)"
    " SELECT CAST($2 AS TEXT) || id, CAST($3 AS BIGINT), 'token_revoked',"
    " stream_id, id, hash FROM tokens"
    " WHERE stream_id = $1 AND stream_key = 1 AND revoked_at = 0",
    Access::write};

const Statement kRevokeKeys = {
    "streams_revoke_keys",
    "UPDATE tokens SET revoked_at = $2"
    " WHERE stream_id = $1 AND stream_key = 1 AND revoked_at = 0"
    " RETURNING hash",
    Access::write};

const Statement kSetKey = {
    "streams_set_key",
    "UPDATE streams SET key_prefix = $2, key_rotated_at = $3, updated_at = $3,"
    " version = version + 1 WHERE id = $1 RETURNING " KS_STREAM_COLUMNS,
    Access::write};

const Statement kTouch = {"streams_touch",
                          "UPDATE streams SET last_active_at = $2"
                          " WHERE id = $1 AND last_active_at < $2",
                          Access::write};

model::Stream stream_of(const sql::Row &row) {
    model::Stream s;
    s.id = row.id(0);
    s.owner_id = row.id(1);
    s.title = row.str(2);
    s.description = row.str(3);
    // What this release does not know is closed, not open.
    s.visibility = model::parse_visibility(row.text(4))
                       .value_or(model::Visibility::private_);
    s.enabled = row.flag(5);
    s.max_viewers = static_cast<int>(row.number(6));
    s.reconnect_window_seconds = static_cast<int>(row.number(7));
    s.takeover =
        model::parse_takeover(row.text(8)).value_or(model::Takeover::reject);
    s.allowed_origins = split(row.text(9));
    s.metadata = row.str(10);
    s.key_prefix = row.str(11);
    s.key_rotated_at = row.number(12);
    s.last_active_at = row.number(13);
    s.created_at = row.number(14);
    s.updated_at = row.number(15);
    s.version = row.number(16);
    return s;
}

sql::Params insert_params(const model::Stream &s) {
    return sql::params(s.id, s.owner_id, s.title, s.description,
                       model::name(s.visibility), s.enabled, s.max_viewers,
                       s.reconnect_window_seconds, model::name(s.takeover),
                       join(s.allowed_origins), s.metadata, s.key_prefix,
                       s.key_rotated_at, s.last_active_at, s.created_at,
                       s.updated_at, s.version);
}

namespace {

// Null keeps what is there.
template <class T> sql::Value or_null(const std::optional<T> &v) {
    return v ? sql::Value(*v) : sql::Value();
}
template <class E> sql::Value name_or_null(const std::optional<E> &v) {
    return v ? sql::Value(model::name(*v)) : sql::Value();
}

} // namespace

sql::Params patch_params(const Id &id, const StreamPatch &p, WallMs now,
                         int64_t if_version) {
    sql::Value origins;
    if (p.allowed_origins) {
        origins = sql::Value(join(*p.allowed_origins));
    }
    return sql::params(id, if_version, now, or_null(p.title),
                       or_null(p.description), name_or_null(p.visibility),
                       or_null(p.enabled), or_null(p.max_viewers),
                       or_null(p.reconnect_window_seconds),
                       name_or_null(p.takeover), origins, or_null(p.metadata));
}

} // namespace ks::store::streams_sql
