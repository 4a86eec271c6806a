#include "store/token_row.h"

#include "store/text.h"

namespace ks::store {

const sql::Statement kInsertToken = {
    "tokens_insert",
    "INSERT INTO tokens (" KS_TOKEN_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6,"
    " $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    sql::Access::write};

model::Token token_of(const sql::Row &row) {
    model::Token t;
    t.id = row.id(0);
    t.stream_id = row.id(1);
    t.hash = hash_from(row.text(2));
    t.kind =
        model::parse_token_kind(row.text(3)).value_or(model::TokenKind::play);
    t.stream_key = row.flag(4);
    t.label = row.str(5);
    t.viewer_ref = row.str(6);
    t.max_uses = static_cast<int>(row.number(7));
    t.uses = static_cast<int>(row.number(8));
    t.allowed_ips = split(row.text(9));
    t.allowed_origins = split(row.text(10));
    t.created_by = row.id(11);
    t.created_at = row.number(12);
    t.expires_at = row.number(13);
    t.revoked_at = row.number(14);
    return t;
}

sql::Params token_params(const model::Token &t) {
    return sql::params(t.id, t.stream_id, hex(t.hash), model::name(t.kind),
                       t.stream_key, t.label, t.viewer_ref, t.max_uses, t.uses,
                       join(t.allowed_ips), join(t.allowed_origins),
                       t.created_by, t.created_at, t.expires_at, t.revoked_at);
}

Secret new_token_text(model::TokenKind kind, Entropy &entropy) {
    std::string text = make_token(model::wire_prefix(kind), entropy);
    Secret secret(text);
    wipe(text.data(), text.size());
    return secret;
}

} // namespace ks::store
