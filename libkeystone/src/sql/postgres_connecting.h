// Making a connection to one address of a PostgreSQL: to be awaited.
#pragma once

#include "rt/task.h"
#include "sql/postgres_error.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct pg_conn;

namespace ks::sql {

struct PostgresClose {
    void operator()(pg_conn *conn) const;
};
using PostgresHandle = std::unique_ptr<pg_conn, PostgresClose>;

// Keywords and values of libpq; the values live as long as the wait.
using PostgresWords = std::vector<std::pair<const char *, const char *>>;

// Pipelined and non-blocking when it is made.  The time limit is ours: libpq
// has none for what does not block.
class PostgresConnecting : public rt::Op,
                           private rt::FdSink,
                           private rt::Timer {
  public:
    PostgresConnecting(PostgresWords words, std::string host, Millis limit)
        : words_(std::move(words)), host_(std::move(host)), limit_(limit) {}
    ~PostgresConnecting() override { unwatch(); }

    bool await_ready();
    // The connection, or why there is none.
    PostgresHandle await_resume() { return std::move(handle_); }
    const std::optional<PostgresFailure> &failure() const { return failure_; }

  private:
    void on_fd(unsigned ready) override;
    void expired() override;
    bool poll();
    bool watch(unsigned interest);
    void unwatch();
    bool over(std::optional<PostgresFailure> failure);

    PostgresWords words_;
    std::string host_;
    Millis limit_;
    PostgresHandle handle_;
    void *watch_ = nullptr;
    bool over_ = false;
    std::optional<PostgresFailure> failure_;
};

} // namespace ks::sql
