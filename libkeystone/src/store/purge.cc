#include "store/purge.h"

#include "rt/wait.h"

namespace ks::store {

namespace {

// Long enough for other workers and hosts to get at the database.
constexpr Millis kPause = 20;

} // namespace

rt::Task<Result<int64_t>> purge_all(sql::Database &db,
                                    const sql::Statement &statement,
                                    sql::Params params) {
    rt::Loop &loop = rt::Loop::current();
    int64_t total = 0;
    while (!loop.draining()) {
        sql::Params again = params;
        auto rows = co_await db.query(statement, std::move(again));
        if (!rows) {
            co_return std::move(rows.error());
        }
        total += rows->changed();
        if (rows->changed() < kPurgeRows) {
            break;
        }
        co_await rt::sleep_for(kPause, rt::Hold::none);
    }
    co_return total;
}

} // namespace ks::store
