#include "store/nodes.h"

#include "rt/loop.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

const Statement kList = {"nodes_list",
                         "SELECT name, drained_at FROM nodes ORDER BY name",
                         Access::read};

const Statement kDrain = {
    "nodes_drain",
    "INSERT INTO nodes (name, drained_at, updated_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (name) DO UPDATE SET drained_at = excluded.drained_at,"
    " updated_at = excluded.updated_at",
    Access::write};

NodeWish wish_of(const sql::Row &row) { return {row.str(0), row.number(1)}; }

} // namespace

rt::Task<Result<std::vector<NodeWish>>> Nodes::list() {
    sql::Params none;
    auto rows = co_await db_.query(kList, std::move(none));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(wish_of);
}

rt::Task<Result<void>> Nodes::drain(std::string name, bool drained) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(name, drained ? now : WallMs{0}, now);
    auto rows = co_await db_.query(kDrain, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

} // namespace ks::store
