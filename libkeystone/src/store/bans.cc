#include "store/bans.h"

#include "store/changes.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

const Statement kAdd = {
    "bans_add",
    "INSERT INTO bans (place, who, ends_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (place, who) DO UPDATE SET ends_at = excluded.ends_at",
    Access::write};

const Statement kAll = {
    "bans_all", "SELECT place, who, ends_at FROM bans WHERE ends_at > $1",
    Access::read};

const Statement kPurge = {"bans_purge", "DELETE FROM bans WHERE ends_at <= $1",
                          Access::write};

Ban ban_of(const sql::Row &row) {
    return {row.str(0), row.str(1), row.number(2)};
}

} // namespace

rt::Task<Result<void>> Bans::add(std::vector<Ban> bans) {
    rt::Loop &loop = rt::Loop::current();
    sql::Batch batch;
    for (const Ban &ban : bans) {
        batch.emplace_back(kAdd, sql::params(ban.place, ban.who, ban.ends_at));
    }
    Change change;
    change.kind = ChangeKind::banned;
    batch.push_back(announce(change, loop.wall(), loop.entropy()));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<Ban>>> Bans::all() {
    sql::Params params = sql::params(rt::Loop::current().wall());
    auto rows = co_await db_.query(kAll, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(ban_of);
}

rt::Task<Result<void>> Bans::purge() {
    sql::Params params = sql::params(rt::Loop::current().wall());
    auto rows = co_await db_.query(kPurge, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

} // namespace ks::store
