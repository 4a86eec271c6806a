// Whether a connection that was made is good for anything: to be awaited.
// A pooler lets us in by itself, also when there is no server behind it.
#pragma once

#include "rt/task.h"
#include "sql/postgres_connection.h"

#include <optional>
#include <string>

namespace ks::sql {

class PostgresAsking : public rt::Op, private PostgresConnection::Owner {
  public:
    PostgresAsking(PostgresHandle handle, std::string host, Millis limit)
        : connection_(std::move(handle), std::move(host), *this),
          limit_(limit) {}

    bool await_ready();
    // The connection as it was, or why it is of no use.
    Result<PostgresHandle> await_resume();

  private:
    void on_connection(PostgresConnection &connection) override;

    PostgresConnection connection_;
    Millis limit_;
    std::optional<Error> failure_;
};

} // namespace ks::sql
