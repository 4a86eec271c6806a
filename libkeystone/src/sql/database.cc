#include "sql/database.h"

namespace ks::sql {

rt::Task<Result<Rows>> Database::query(const Statement &statement,
                                       Params params) {
    Batch one;
    one.emplace_back(statement, std::move(params));
    auto outcome = co_await batch(std::move(one));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    co_return std::move(outcome->rows[0]);
}

} // namespace ks::sql
