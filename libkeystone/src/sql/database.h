// A database as the store sees it: SQLite or PostgreSQL.
//
// Several statements at once are a batch, executed atomically, never a
// transaction that is held while a coroutine waits: what must be decided inside
// is said by Expect and by the SQL itself.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "rt/task.h"
#include "sql/value.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ks::sql {

enum class Access : uint8_t { read, write };

// Lives as long as the process.  Prepared once per connection under its name,
// which no other has; an empty name: prepared for this one time.  A parameter is
// always of the same kind, or null.
struct Statement {
    std::string_view name;
    std::string_view sql; // $1, $2, ... ; NUL-terminated
    Access access;
};

enum class Expect : uint8_t {
    any,
    rows // returned or changed a row, else the whole batch is undone
};

struct Bound {
    const Statement *statement;
    Params params;
    Expect expect;

    Bound(const Statement &s, Params p, Expect e = Expect::any)
        : statement(&s), params(std::move(p)), expect(e) {}
};

using Batch = std::vector<Bound>;

struct Outcome {
    static constexpr size_t kDone = static_cast<size_t>(-1);

    std::vector<Rows> rows;    // of each statement; empty when it stopped
    size_t stopped_at = kDone; // index of the statement that found no rows

    bool done() const { return stopped_at == kDone; }
};

// For /readyz, logs and keystonectl.
struct Health {
    bool usable = true;
    std::string trouble; // what is wrong with which file or host, and the cure
    WallMs since = 0;    // of the present state; 0: nothing was asked yet
    std::string refused; // why the last statement that was wrong (`internal`)
};

// The statements that are not one text for all engines.  Null: not needed.
struct Engine {
    // Belongs to this installation alone: who opens it brings it to the schema
    // of its release.  Else keystonectl migrate does.
    bool migrates_itself = true;
    // First in a batch: others that begin with it wait for the batch's end.
    const Statement *migration_lock = nullptr;
    // $1: one row, whether there is such a table.
    const Statement *has_table = nullptr;
};

// Behind the address in `store`; a SQLite file takes no notice.
struct Options {
    int pool = 4;    // connections of a worker, at most
    int queue = 500; // who may wait for one
    Millis timeout = 5 * kSecond;
    // Connections go through a pooler in transaction mode (pgbouncer).
    bool pooler = false;
};

// Errors of both calls:
//   store_unavailable  cannot connect or open, busy, disk full, I/O, too late;
//                      the text is fit for strangers, the reason is in
//                      health().trouble
//   conflict           a unique or foreign key refused; detail names it
//                      ("users.email"), nothing was written
//   overloaded         too much is queued
//   internal           the statement itself is wrong
// An answer that comes too late (kDeadline) does not say whether a write was
// done.  A result of more than kMaxRows rows is cut there.
class Database {
  public:
    static constexpr Millis kDeadline = 5 * kSecond;
    static constexpr size_t kMaxRows = 10'000;

    virtual ~Database() = default;

    // A batch of one.
    virtual rt::Task<Result<Rows>> query(const Statement &statement,
                                         Params params);
    virtual rt::Task<Result<Outcome>> batch(Batch batch) = 0;
    virtual const Health &health() const = 0;
    virtual const Engine &engine() const = 0;
};

// By the form of the address: sqlite:PATH, postgresql://..., "host=...".  A text
// that says what to write when it is none.  Opens nothing yet.
Result<std::unique_ptr<Database>> open(std::string_view url,
                                       const Options &options = {});
// The same without making one: for a configuration that is tested.
Result<void> check(std::string_view url);
// Which database it is, without what is secret in its address.
std::string shown(std::string_view url);

} // namespace ks::sql
