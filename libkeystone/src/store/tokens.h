// Tokens and stream keys: one table, found by the SHA-256 of the text.
#pragma once

#include "base/secret.h"
#include "model/token.h"
#include "rt/flight.h"
#include "sql/database.h"
#include "store/page.h"

#include <string>
#include <vector>

namespace ks::store {

class Cache;

struct CreatedToken {
    model::Token token;
    Secret text; // shown to its owner once
};

class Tokens {
  public:
    Tokens(sql::Database &db, Cache &cache) : db_(db), cache_(cache) {}

    // Takes stream_id, kind, label, viewer_ref, max_uses, the two lists,
    // created_by and expires_at from `wanted`; the rest is made here.
    // not_found when the stream does not exist.
    rt::Task<Result<CreatedToken>> create(model::Token wanted);

    // True: `out` is as fresh as it has to be, and nothing waited.
    bool facts_cached(const Sha256 &hash, model::TokenFacts &out);
    // Unknown is a fact, too.  With the store down as in Streams::facts().
    rt::Task<Result<model::TokenFacts>> facts(Sha256 hash);

    rt::Task<Result<model::Token>> by_id(Id id);
    // Of one stream, without its keys; revoked ones included.
    rt::Task<Result<Page<model::Token>>> list(Id stream_id, PageAsk page);
    // The row as it is then, so that sessions made with it can be ended; one
    // that was revoked before keeps its time.
    rt::Task<Result<model::Token>> revoke(Id id);
    // Counts one use.  token_revoked when it is revoked or none is left,
    // token_expired, unauthorized when it is gone.
    rt::Task<Result<void>> spend_use(Id id);
    // Takes one use back: it came to nothing.
    rt::Task<Result<void>> unspend_use(Id id);
    // Forgets tokens (not keys) that ended before `before`; how many.
    rt::Task<Result<int64_t>> purge(WallMs before);

  private:
    rt::Task<Result<model::TokenFacts>> load_facts(Sha256 hash);

    sql::Database &db_;
    Cache &cache_;
    rt::Flights<Sha256, model::TokenFacts> flights_;
};

} // namespace ks::store
