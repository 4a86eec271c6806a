#include "store/idempotency.h"

#include "store/purge.h"
#include "store/text.h"

#include <algorithm>

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

// A row whose time is up is as good as none.
const Statement kClaim = {
    "idempotency_claim",
    "INSERT INTO idempotency (owner, key, request, status, answer, expires_at)"
    " VALUES ($1, $2, $3, 0, '', $4) ON CONFLICT (owner, key) DO UPDATE SET"
    " request = excluded.request, status = 0, answer = '',"
    " expires_at = excluded.expires_at WHERE idempotency.expires_at <= $5"
    " RETURNING owner",
    Access::write};

const Statement kFind = {"idempotency_find",
                         "SELECT request, status, answer FROM idempotency"
                         " WHERE owner = $1 AND key = $2",
                         Access::read};

const Statement kFinish = {
    "idempotency_finish",
    "UPDATE idempotency SET status = $3, answer = $4, expires_at = $5"
    " WHERE owner = $1 AND key = $2",
    Access::write};

const Statement kForget = {
    "idempotency_forget",
    "DELETE FROM idempotency WHERE owner = $1 AND key = $2", Access::write};

const Statement kPurge = {"idempotency_purge",
                          "DELETE FROM idempotency WHERE expires_at <= $1"
                          " AND (owner, key) IN"
                          " (SELECT owner, key FROM idempotency"
                          " WHERE expires_at <= $1 LIMIT " KS_PURGE_ROWS ")",
                          Access::write};

bool is_one_of(std::string_view digest, const Sha256 &request,
               const std::vector<Sha256> &also) {
    auto same = [&](const Sha256 &one) { return hex(one) == digest; };
    return same(request) || std::any_of(also.begin(), also.end(), same);
}

WallMs wall() { return rt::Loop::current().wall(); }

} // namespace

rt::Task<Result<Claim>> Idempotency::claim(std::string owner, std::string key,
                                           Sha256 request,
                                           std::vector<Sha256> also) {
    WallMs now = wall();
    std::string digest = hex(request);
    sql::Params claim_params =
        sql::params(owner, key, digest, now + kClaimLife, now);
    auto mine = co_await db_.query(kClaim, std::move(claim_params));
    if (!mine) {
        co_return std::move(mine.error());
    }
    Claim claim;
    if (!mine->empty()) {
        co_return claim;
    }
    sql::Params find_params = sql::params(owner, key);
    auto found = co_await db_.query(kFind, std::move(find_params));
    if (!found) {
        co_return std::move(found.error());
    }
    claim.kind = Claim::running; // also when it was forgotten just now
    if (!found->empty()) {
        sql::Row row = (*found)[0];
        claim.status = static_cast<int>(row.number(1));
        if (!is_one_of(row.text(0), request, also)) {
            claim.kind = Claim::other;
        } else if (claim.status != 0) {
            claim.kind = Claim::done;
            claim.answer = row.str(2);
        }
    }
    co_return claim;
}

rt::Task<Result<void>> Idempotency::finish(std::string owner, std::string key,
                                           int status, std::string answer) {
    sql::Params params =
        sql::params(std::move(owner), std::move(key), status, std::move(answer),
                    wall() + kIdempotencyLife);
    auto rows = co_await db_.query(kFinish, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<void>> Idempotency::forget(std::string owner, std::string key) {
    sql::Params params = sql::params(std::move(owner), std::move(key));
    auto rows = co_await db_.query(kForget, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<int64_t>> Idempotency::purge() {
    sql::Params params = sql::params(wall());
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
