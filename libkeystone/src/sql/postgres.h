// PostgreSQL behind Database: libpq's asynchronous half on the event loop, with
// a pool of connections for each worker.
#pragma once

#include "sql/database.h"
#include "sql/postgres_url.h"

#include <memory>

namespace ks::sql {

class PostgresPool;

class Postgres : public Database {
  public:
    // Nothing is connected before the first statement.
    Postgres(PostgresUrl url, const Options &options);
    ~Postgres() override;

    rt::Task<Result<Outcome>> batch(Batch batch) override;
    const Health &health() const override;
    const Engine &engine() const override;

  private:
    std::shared_ptr<PostgresPool> pool_;
};

} // namespace ks::sql
