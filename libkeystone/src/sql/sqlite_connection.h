// One connection to a SQLite file: the blocking half of the driver.  Used by
// one thread at a time and never by the event loop.
#pragma once

#include "sql/database.h"

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ks::sql {

class SqliteConnection {
  public:
    // How long another process's write is waited for.
    static constexpr Millis kBusy = 2 * kSecond;

    SqliteConnection(std::string path, Access access)
        : path_(std::move(path)), access_(access) {}
    ~SqliteConnection() { close(); }
    SqliteConnection(const SqliteConnection &) = delete;
    SqliteConnection &operator=(const SqliteConnection &) = delete;

    // Opens the file when it is not open, or is another one than it was.  Only
    // with `create` a missing file is made, empty and readable by us alone.
    // The text of store_unavailable is for the log: it names file and cure.
    // `deadline`: on the clock of steady_ms().
    Result<Outcome> run(const Batch &batch, bool create, Millis deadline);

    static Millis steady_ms();

  private:
    struct Prepared {
        sqlite3_stmt *stmt = nullptr;
        std::vector<int> at; // of $1, $2, ... in this engine's numbering
    };

    Result<void> ensure_open(bool create);
    Result<void> open(bool create);
    Result<void> configure();
    void close();
    bool same_file() const;

    Result<Outcome> run_open(const Batch &batch);
    Result<Outcome> run_batch(const Batch &batch);
    Result<Rows> execute(const Bound &bound);
    Result<Prepared> prepare(const Statement &statement);
    Result<void> bind(const Prepared &p, const Bound &bound);
    Result<Rows> step(const Prepared &p, Access access);
    Result<void> simple(const char *sql);
    Error failure();
    std::string explain(int code) const;

    static int on_busy(void *self, int tries);
    static int on_progress(void *self);

    const std::string path_;
    const Access access_;
    sqlite3 *db_ = nullptr;
    std::unordered_map<const Statement *, Prepared> prepared_;
    uint64_t device_ = 0; // of the file that is open
    uint64_t inode_ = 0;
    Millis deadline_ = 0;
    Millis busy_since_ = 0;
    bool broken_ = false; // close after this run
};

} // namespace ks::sql
