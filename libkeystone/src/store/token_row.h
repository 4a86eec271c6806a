// The row of a token, for the two files that write one.
#pragma once

#include "base/secret.h"
#include "model/token.h"
#include "sql/database.h"

namespace ks::store {

#define KS_TOKEN_COLUMNS                                                       \
    "id, stream_id, hash, kind, stream_key, label, viewer_ref, max_uses, "     \
    "uses,"                                                                    \
    " allowed_ips, allowed_origins, created_by, created_at, expires_at,"       \
    " revoked_at"

extern const sql::Statement kInsertToken;

model::Token token_of(const sql::Row &row);
sql::Params token_params(const model::Token &token); // of kInsertToken

Secret new_token_text(model::TokenKind kind, Entropy &entropy);

} // namespace ks::store
