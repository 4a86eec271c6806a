#include "store/tokens.h"

#include "store/cache.h"
#include "store/changes.h"
#include "store/purge.h"
#include "store/text.h"
#include "store/token_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

const Statement kByHash = {
    "tokens_by_hash", "SELECT " KS_TOKEN_COLUMNS " FROM tokens WHERE hash = $1",
    Access::read};

const Statement kById = {
    "tokens_by_id", "SELECT " KS_TOKEN_COLUMNS " FROM tokens WHERE id = $1",
    Access::read};

const Statement kList = {
    "tokens_list",
    "SELECT " KS_TOKEN_COLUMNS " FROM tokens"
    " WHERE stream_id = $1 AND stream_key = 0 AND (created_at, id) < ($2, $3)"
    " ORDER BY created_at DESC, id DESC LIMIT $4",
    Access::read};

const Statement kRevoke = {
    "tokens_revoke",
    "UPDATE tokens SET revoked_at = CASE WHEN revoked_at = 0 THEN $2"
    " ELSE revoked_at END WHERE id = $1 RETURNING " KS_TOKEN_COLUMNS,
    Access::write};

const Statement kAnnounceRevoked = {
    "tokens_announce_revoked",
    "INSERT INTO changes (id, at, kind, stream_id, token_id, token_hash)"
    " SELECT CAST($2 AS TEXT), CAST($3 AS BIGINT), 'token_revoked', stream_id,"
    " id, hash FROM tokens WHERE id = $1",
    Access::write};

const Statement kSpend = {
    "tokens_spend",
    "UPDATE tokens SET uses = uses + 1 WHERE id = $1 AND revoked_at = 0"
    " AND (expires_at = 0 OR expires_at > $2)"
    " AND (max_uses = 0 OR uses < max_uses) RETURNING hash",
    Access::write};

const Statement kUnspend = {
    "tokens_unspend",
    "UPDATE tokens SET uses = uses - 1 WHERE id = $1 AND uses > 0"
    " RETURNING hash",
    Access::write};

const Statement kPurge = {"tokens_purge",
                          "DELETE FROM tokens WHERE id IN"
                          " (SELECT id FROM tokens WHERE stream_key = 0 AND"
                          " ((expires_at > 0 AND expires_at < $1)"
                          " OR (revoked_at > 0 AND revoked_at < $1))"
                          " LIMIT " KS_PURGE_ROWS ")",
                          Access::write};

Error no_such_token() { return Error(Code::not_found, "No such token."); }

} // namespace

rt::Task<Result<CreatedToken>> Tokens::create(model::Token wanted) {
    auto &loop = rt::Loop::current();
    CreatedToken out;
    out.token = std::move(wanted);
    out.text = new_token_text(out.token.kind, loop.entropy());
    out.token.id = make_id(prefix::kToken, loop.entropy());
    out.token.hash = sha256(out.text.reveal());
    out.token.stream_key = false;
    out.token.uses = 0;
    out.token.created_at = loop.wall();
    out.token.revoked_at = 0;
    sql::Params params = token_params(out.token);
    auto rows = co_await db_.query(kInsertToken, std::move(params));
    if (!rows) {
        if (rows.error().code == Code::conflict) {
            co_return Error(Code::not_found, "No such stream.");
        }
        co_return std::move(rows.error());
    }
    cache_.forget_token(out.token.hash);
    co_return out;
}

bool Tokens::facts_cached(const Sha256 &hash, model::TokenFacts &out) {
    return cache_.find(hash, Age::fresh, out);
}

rt::Task<Result<model::TokenFacts>> Tokens::facts(Sha256 hash) {
    model::TokenFacts facts;
    if (cache_.find(hash, Age::fresh, facts)) {
        co_return facts;
    }
    decltype(flights_)::Load how = [this, hash] { return load_facts(hash); };
    uint64_t stamp = cache_.ticket(hash).changes;
    auto got = co_await flights_.join(hash, std::move(how), stamp);
    if (!got && gone(got.error()) && cache_.find(hash, Age::stale, facts)) {
        co_return facts;
    }
    co_return got;
}

rt::Task<Result<model::TokenFacts>> Tokens::load_facts(Sha256 hash) {
    auto ticket = cache_.ticket(hash);
    auto second = cache_.look(hash);
    auto look = co_await std::move(second);
    if (look.fresh) {
        model::TokenFacts known = look.value.value_or(model::TokenFacts());
        cache_.fill(ticket, hash, known, look.found.age);
        co_return known;
    }
    sql::Params params = sql::params(hex(hash));
    auto rows = co_await db_.query(kByHash, std::move(params));
    if (!rows) {
        if (gone(rows.error()) && look.value) {
            co_return *look.value;
        }
        co_return std::move(rows.error());
    }
    model::TokenFacts facts;
    if (!rows->empty()) {
        facts = model::facts_of(token_of((*rows)[0]));
    }
    cache_.zone().counters().looked_up(zone::CacheKind::token,
                                       zone::Tier::store, facts.exists);
    cache_.fill(ticket, hash, facts);
    cache_.put(look, hash, facts);
    co_return facts;
}

rt::Task<Result<model::Token>> Tokens::by_id(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kById, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->empty()) {
        co_return no_such_token();
    }
    co_return token_of((*rows)[0]);
}

rt::Task<Result<Page<model::Token>>> Tokens::list(Id stream_id, PageAsk ask) {
    sql::Params params = sql::params(stream_id, ask.after.created_at,
                                     ask.after.id, ask.limit + 1);
    auto rows = co_await db_.query(kList, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return page_of<model::Token>(*rows, ask.limit, token_of);
}

rt::Task<Result<model::Token>> Tokens::revoke(Id id) {
    auto &loop = rt::Loop::current();
    WallMs now = loop.wall();
    Id change = make_id("chg_", loop.entropy());
    sql::Batch batch;
    batch.emplace_back(kRevoke, sql::params(id, now), sql::Expect::rows);
    batch.emplace_back(kAnnounceRevoked, sql::params(id, change, now));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    if (!outcome->done()) {
        co_return no_such_token();
    }
    model::Token token = token_of(outcome->rows[0][0]);
    cache_.forget_token(token.hash);
    co_return token;
}

rt::Task<Result<void>> Tokens::spend_use(Id id) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(id, now);
    auto rows = co_await db_.query(kSpend, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (!rows->empty()) {
        cache_.forget_token(hash_from((*rows)[0].text(0)));
        co_return Result<void>();
    }
    auto token = co_await by_id(id);
    if (!token) {
        if (token.error().code == Code::not_found) {
            co_return Error(Code::unauthorized, "This token is not known.");
        }
        co_return std::move(token.error());
    }
    cache_.forget_token(token->hash);
    if (token->revoked_at == 0 && token->expires_at != 0 &&
        token->expires_at <= now) {
        co_return Error(Code::token_expired, "This token has expired.");
    }
    co_return Error(Code::token_revoked, token->revoked_at != 0
                                             ? "This token was revoked."
                                             : "This token is used up.");
}

rt::Task<Result<void>> Tokens::unspend_use(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kUnspend, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (!rows->empty()) {
        cache_.forget_token(hash_from((*rows)[0].text(0)));
    }
    co_return Result<void>();
}

rt::Task<Result<int64_t>> Tokens::purge(WallMs before) {
    sql::Params params = sql::params(before);
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
