#include "sql/postgres_asking.h"

namespace ks::sql {

namespace {

const Statement kAnything = {"", "VALUES (1)", Access::read};

} // namespace

bool PostgresAsking::await_ready() {
    if (!connection_.watch()) {
        failure_ = no_room(connection_.host());
        return true;
    }
    Batch batch;
    batch.emplace_back(kAnything, Params());
    connection_.start(
        std::make_unique<PostgresRun>(std::move(batch), connection_.host(), 0),
        rt::Loop::current().now() + limit_);
    return false;
}

Result<PostgresHandle> PostgresAsking::await_resume() {
    if (failure_) {
        return std::move(*failure_);
    }
    return connection_.release();
}

// Once more when it is lost before it is taken over.
void PostgresAsking::on_connection(PostgresConnection &connection) {
    if (connection.busy()) {
        auto result = connection.take_run()->result();
        if (!result) {
            failure_ = std::move(result.error());
        }
        complete();
    } else {
        failure_ = Error(Code::store_unavailable, connection.trouble(), 1);
    }
}

} // namespace ks::sql
