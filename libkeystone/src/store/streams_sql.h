// The statements on streams and the row they share.
#pragma once

#include "model/stream.h"
#include "sql/database.h"
#include "store/streams.h"

namespace ks::store::streams_sql {

extern const sql::Statement kInsert;
extern const sql::Statement kById;
extern const sql::Statement kListOfOwner;
extern const sql::Statement kListOfAll;
extern const sql::Statement kPatch;
extern const sql::Statement kRemoveTokens;
extern const sql::Statement kRemove;
extern const sql::Statement kAnnounceKeys;
extern const sql::Statement kRevokeKeys;
extern const sql::Statement kSetKey;
extern const sql::Statement kTouch;

model::Stream stream_of(const sql::Row &row);
sql::Params insert_params(const model::Stream &stream);
sql::Params patch_params(const Id &id, const StreamPatch &patch, WallMs now,
                         int64_t if_version);

// For if_version where none was given.
constexpr int64_t kAnyVersion = -1;

} // namespace ks::store::streams_sql
