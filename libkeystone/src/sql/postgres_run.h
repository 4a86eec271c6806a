// One batch over one connection: what is sent, and what the answers mean.
//
//   work --all sent, all well--> done
//   work --a statement found no rows, or failed--> undo --> done
//   work --collided, or a prepared statement is gone--> (undo, forget) --> work
//
// What is sent at once ends with a Sync; the next is sent when the Sync is
// answered.  A statement that has to find rows ends such a part, because what
// follows depends on it.  Does no waiting: PostgresConnection does.
#pragma once

#include "sql/database.h"
#include "sql/postgres_error.h"

#include <optional>
#include <string>
#include <unordered_map>

struct pg_conn;
struct pg_result;

namespace ks::sql {

// What a connection has prepared.
class PostgresPrepared {
  public:
    bool has(const Statement *s) const { return known_.count(s) != 0; }
    void add(const Statement *s) { known_.emplace(s, true); }
    void clear() { known_.clear(); }

  private:
    std::unordered_map<const Statement *, bool> known_;
};

class PostgresRun {
  public:
    // `local_timeout`: through a pooler, where a connection of ours is not one
    // of the server's: nothing is prepared, and a transaction brings its own
    // statement_timeout, in milliseconds; 0: not through one.
    PostgresRun(Batch batch, std::string host, Millis local_timeout);

    enum class Next : uint8_t { wait, send, done };

    // Queues the next part; Next::done when libpq refuses.
    Next send(pg_conn *conn, PostgresPrepared &prepared);
    // One result, or null, as PQgetResult() gives them.
    Next take(pg_conn *conn, pg_result *result, PostgresPrepared &prepared);
    // The connection ended before this did.
    void end(PostgresFailure failure);

    bool reads_only() const { return reads_only_; }
    // After Next::done.
    Result<Outcome> result();
    // The connection is of no use after it.
    bool broken() const { return cut_ || (failure_ && failure_->broken); }
    bool standby() const { return failure_ && failure_->standby; }
    bool failed() const { return failure_.has_value(); }
    // Nobody waits any more: what is not on its way to be committed is undone.
    // True: it may be done all the same.
    bool call_off();
    // It failed, and may have been done all the same.
    bool uncertain() const { return uncertain_; }
    // To do it again elsewhere.
    Batch take_batch() { return std::move(batch_); }

  private:
    enum class Step : uint8_t { work, undo, forget };
    // What a result belongs to.
    struct Sent {
        enum Kind : uint8_t { control, prepare, statement } kind;
        size_t index;
    };

    bool send_work(pg_conn *conn, PostgresPrepared &prepared);
    bool send_statement(pg_conn *conn, size_t index,
                        PostgresPrepared &prepared);
    bool control(pg_conn *conn, const char *sql);
    bool transaction() const { return batch_.size() > 1 || local_timeout_ > 0; }
    void one_by_one(pg_conn *conn);
    void take_rows(const pg_result *result, const Sent &of);
    void take_failure(const pg_result *result);
    Next synced(pg_conn *conn, PostgresPrepared &prepared);
    Next again(Step step);
    bool may_be_done() const;

    static constexpr int kMaxTries = 3;

    Batch batch_;
    std::string host_;
    Millis local_timeout_;
    bool reads_only_ = true;

    Step step_ = Step::work;
    std::vector<Sent> sent_; // of this part
    size_t answered_ = 0;    // of sent_
    size_t next_ = 0;        // of batch_
    bool begun_ = false;
    bool committed_ = false;
    bool uncertain_ = false;
    bool called_off_ = false;
    bool cut_ = false; // there is more than anybody wants
    int tries_ = 1;
    Outcome outcome_;
    std::optional<PostgresFailure> failure_;
};

} // namespace ks::sql
