#include "sql/postgres.h"

#include "sql/postgres_pool.h"

namespace ks::sql {

namespace {

// "keystone", so that it meets nobody else's; held to the end of the batch.
const Statement kMigrationLock = {
    "", "VALUES (pg_advisory_xact_lock(7307218486906318437))", Access::write};

const Statement kHasTable = {
    "", "VALUES (CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END)",
    Access::read};

} // namespace

Postgres::Postgres(PostgresUrl url, const Options &options)
    : pool_(std::make_shared<PostgresPool>(std::move(url), options)) {}

Postgres::~Postgres() = default;

const Health &Postgres::health() const { return pool_->health(); }

const Engine &Postgres::engine() const {
    static constexpr Engine kEngine = {false, &kMigrationLock, &kHasTable};
    return kEngine;
}

rt::Task<Result<Outcome>> Postgres::batch(Batch batch) {
    PostgresPool::Call call(pool_, std::move(batch));
    auto result = co_await call;
    co_return result;
}

} // namespace ks::sql
