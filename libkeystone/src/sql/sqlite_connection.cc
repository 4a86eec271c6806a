#include "sql/sqlite_connection.h"

#include "sql/sqlite_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace ks::sql {

namespace {

constexpr int kProgressEvery = 20'000; // instructions of SQLite's machine
constexpr int kRetryBusy = 1;          // seconds
constexpr int kRetryBroken = 5;

bool is_unique(int extended) {
    return extended == SQLITE_CONSTRAINT_UNIQUE ||
           extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
           extended == SQLITE_CONSTRAINT_ROWID;
}

} // namespace

Millis SqliteConnection::steady_ms() {
    using namespace std::chrono;
    auto t = steady_clock::now().time_since_epoch();
    return duration_cast<milliseconds>(t).count();
}

Result<Outcome> SqliteConnection::run(const Batch &batch, bool create,
                                      Millis deadline) {
    deadline_ = deadline;
    broken_ = false;
    auto opened = ensure_open(create);
    if (!opened) {
        close();
        return std::move(opened.error());
    }
    auto outcome = run_open(batch);
    if (broken_) {
        close();
    }
    return outcome;
}

Result<Outcome> SqliteConnection::run_open(const Batch &batch) {
    if (steady_ms() >= deadline_) {
        return Error(Code::store_unavailable,
                     "work on " + path_ + " waited too long for its turn",
                     kRetryBusy);
    }
    if (batch.size() > 1) {
        return run_batch(batch);
    }
    Outcome outcome;
    for (const Bound &bound : batch) {
        auto rows = execute(bound);
        if (!rows) {
            return std::move(rows.error());
        }
        if (bound.expect == Expect::rows && !rows->any()) {
            outcome.stopped_at = 0;
            return outcome;
        }
        outcome.rows.push_back(std::move(*rows));
    }
    return outcome;
}

Result<Outcome> SqliteConnection::run_batch(const Batch &batch) {
    // A batch that may write takes the lock first: one that has read already
    // cannot wait for it.
    auto begun = simple(access_ == Access::write ? "BEGIN IMMEDIATE" : "BEGIN");
    if (!begun) {
        return std::move(begun.error());
    }
    Outcome outcome;
    for (size_t i = 0; i < batch.size(); i++) {
        auto rows = execute(batch[i]);
        if (!rows) {
            (void)simple("ROLLBACK");
            return std::move(rows.error());
        }
        if (batch[i].expect == Expect::rows && !rows->any()) {
            (void)simple("ROLLBACK");
            outcome.rows.clear();
            outcome.stopped_at = i;
            return outcome;
        }
        outcome.rows.push_back(std::move(*rows));
    }
    auto committed = simple("COMMIT");
    if (!committed) {
        Error error = std::move(committed.error());
        (void)simple("ROLLBACK");
        return error;
    }
    return outcome;
}

Result<Rows> SqliteConnection::execute(const Bound &bound) {
    auto prepared = prepare(*bound.statement);
    if (!prepared) {
        return std::move(prepared.error());
    }
    auto bound_ok = bind(*prepared, bound);
    Result<Rows> rows = bound_ok ? step(*prepared, bound.statement->access)
                                 : Result<Rows>(std::move(bound_ok.error()));
    if (bound.statement->name.empty()) {
        sqlite3_finalize(prepared->stmt);
    } else {
        sqlite3_reset(prepared->stmt);
        sqlite3_clear_bindings(prepared->stmt);
    }
    return rows;
}

Result<SqliteConnection::Prepared>
SqliteConnection::prepare(const Statement &statement) {
    auto found = prepared_.find(&statement);
    if (found != prepared_.end()) {
        return found->second;
    }
    bool once = statement.name.empty();
    Prepared p;
    int code = sqlite3_prepare_v3(
        db_, statement.sql.data(), static_cast<int>(statement.sql.size()),
        once ? 0 : SQLITE_PREPARE_PERSISTENT, &p.stmt, nullptr);
    if (code != SQLITE_OK) {
        return failure();
    }
    int count = sqlite3_bind_parameter_count(p.stmt);
    for (int i = 1; i <= count; i++) {
        std::string name = "$" + std::to_string(i);
        p.at.push_back(sqlite3_bind_parameter_index(p.stmt, name.c_str()));
    }
    if (!once) {
        prepared_.emplace(&statement, p);
    }
    return p;
}

Result<void> SqliteConnection::bind(const Prepared &p, const Bound &bound) {
    if (bound.params.size() != p.at.size()) {
        return Error(Code::internal,
                     "statement " + std::string(bound.statement->name) +
                         " takes " + std::to_string(p.at.size()) +
                         " parameters, not " +
                         std::to_string(bound.params.size()));
    }
    for (size_t i = 0; i < p.at.size(); i++) {
        const Value &v = bound.params[i];
        int code;
        if (const int64_t *n = v.number()) {
            code = sqlite3_bind_int64(p.stmt, p.at[i], *n);
        } else if (const std::string *s = v.text()) {
            code = sqlite3_bind_text64(p.stmt, p.at[i], s->data(), s->size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
        } else {
            code = sqlite3_bind_null(p.stmt, p.at[i]);
        }
        if (code != SQLITE_OK) {
            return failure();
        }
    }
    return {};
}

Result<Rows> SqliteConnection::step(const Prepared &p, Access access) {
    Rows rows;
    int columns = sqlite3_column_count(p.stmt);
    rows.set_columns(static_cast<size_t>(columns));
    int64_t before = sqlite3_total_changes64(db_);
    int code;
    while ((code = sqlite3_step(p.stmt)) == SQLITE_ROW) {
        for (int c = 0; c < columns; c++) {
            switch (sqlite3_column_type(p.stmt, c)) {
            case SQLITE_NULL:
                rows.add(Value());
                break;
            case SQLITE_INTEGER:
                rows.add(Value(sqlite3_column_int64(p.stmt, c)));
                break;
            default: {
                auto *text = reinterpret_cast<const char *>(
                    sqlite3_column_text(p.stmt, c));
                auto size =
                    static_cast<size_t>(sqlite3_column_bytes(p.stmt, c));
                rows.add(Value(std::string(text != nullptr ? text : "",
                                           text != nullptr ? size : 0)));
            }
            }
        }
        if (rows.size() >= Database::kMaxRows && access == Access::read) {
            return rows;
        }
    }
    if (code != SQLITE_DONE) {
        return failure();
    }
    rows.set_changed(sqlite3_total_changes64(db_) - before);
    return rows;
}

Result<void> SqliteConnection::simple(const char *sql) {
    if (std::strcmp(sql, "ROLLBACK") == 0) {
        if (sqlite3_get_autocommit(db_)) {
            return {}; // SQLite has undone it by itself
        }
        deadline_ = INT64_MAX; // undoing is never too late
    }
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return failure();
    }
    return {};
}

bool SqliteConnection::same_file() const {
    struct stat st;
    return stat(path_.c_str(), &st) == 0 && st.st_dev == device_ &&
           st.st_ino == inode_;
}

Result<void> SqliteConnection::ensure_open(bool create) {
    if (db_ != nullptr && same_file()) {
        return {};
    }
    close();
    return open(create);
}

Result<void> SqliteConnection::open(bool create) {
    int why = 0;
    if (faccessat(AT_FDCWD, path_.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
        why = errno;
        if (why == ENOENT && create) {
            why = make_file(path_);
        }
    }
    if (why != 0 && access_ == Access::write) {
        if (why == ENOENT && !create) {
            return Error(Code::store_unavailable,
                         "the database file " + path_ +
                             " is gone: put it back, or restart to begin with "
                             "an empty one",
                         kRetryBroken);
        }
        return Error(Code::store_unavailable,
                     "cannot open the database file " + path_ + ": " +
                         std::strerror(why) + " (" + writable_by(path_) + ")",
                     kRetryBroken);
    }
    int code =
        sqlite3_open_v2(path_.c_str(), &db_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    struct stat st;
    if (code != SQLITE_OK || stat(path_.c_str(), &st) != 0) {
        return Error(Code::store_unavailable, explain(SQLITE_CANTOPEN),
                     kRetryBroken);
    }
    device_ = st.st_dev;
    inode_ = st.st_ino;
    return configure();
}

Result<void> SqliteConnection::configure() {
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_handler(db_, on_busy, this);
    sqlite3_progress_handler(db_, kProgressEvery, on_progress, this);
    const char *pragmas =
        access_ == Access::write
            ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
              "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF"
            : "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF";
    if (access_ == Access::write && sqlite3_db_readonly(db_, "main") == 1) {
        return Error(Code::store_unavailable, explain(SQLITE_READONLY),
                     kRetryBroken);
    }
    // SQLite does not ask on_busy() when the turn to WAL meets that of another
    // process, as it does when the workers of one nginx open a new file.
    Millis began = steady_ms();
    Result<void> done = simple(pragmas);
    while (!done && (sqlite3_errcode(db_) & 0xff) == SQLITE_BUSY &&
           steady_ms() - began < kBusy) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        done = simple(pragmas);
    }
    return done;
}

void SqliteConnection::close() {
    for (auto &[statement, p] : prepared_) {
        sqlite3_finalize(p.stmt);
    }
    prepared_.clear();
    sqlite3_close(db_);
    db_ = nullptr;
}

Error SqliteConnection::failure() {
    int extended = sqlite3_extended_errcode(db_);
    std::string text = sqlite3_errmsg(db_);
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
        if (is_unique(extended)) {
            size_t colon = text.rfind(": "); // "... failed: users.email"
            return Error(Code::conflict, colon == std::string::npos
                                             ? text
                                             : text.substr(colon + 2));
        }
        if (extended == SQLITE_CONSTRAINT_FOREIGNKEY) {
            return Error(Code::conflict, "foreign key");
        }
        return Error(Code::internal, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return Error(Code::store_unavailable, explain(extended), kRetryBusy);
    case SQLITE_NOMEM:
    case SQLITE_FULL:
        return Error(Code::store_unavailable, explain(extended), kRetryBroken);
    case SQLITE_ERROR:
        // Another file, or one that lost its tables.
        if (text.starts_with("no such table") ||
            text.starts_with("no such column")) {
            broken_ = true;
            return Error(Code::store_unavailable,
                         path_ + " has not the schema of this release (" +
                             text + "): run keystonectl migrate",
                         kRetryBroken);
        }
        return Error(Code::internal, text);
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return Error(Code::internal, text);
    default:
        broken_ = true;
        return Error(Code::store_unavailable, explain(extended), kRetryBroken);
    }
}

std::string SqliteConnection::explain(int code) const {
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "the database file " + path_ +
               " is locked by another process for more than " +
               std::to_string(kBusy / kSecond) + " s";
    case SQLITE_INTERRUPT:
        return "a query on " + path_ + " took too long and was stopped";
    case SQLITE_FULL:
        return "cannot write the database file " + path_ +
               ": the disk is full. Free space in " + directory_of(path_);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "cannot write the database file " + path_ + ": " +
               writable_by(path_);
    case SQLITE_CANTOPEN:
        return "cannot open the database file " + path_ + ": " +
               writable_by(path_);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return path_ + " is not a usable SQLite database (" +
               sqlite3_errmsg(db_) +
               "): restore it from a backup or name another file";
    default:
        return "the database file " + path_ +
               " failed: " + sqlite3_errmsg(db_) + " (SQLite code " +
               std::to_string(code) + ")";
    }
}

// Short naps with a spread, so that processes that wait for the same lock do
// not meet again; the first tries come quickly, because a write takes well
// under a millisecond.
int SqliteConnection::on_busy(void *self, int tries) {
    auto *c = static_cast<SqliteConnection *>(self);
    Millis now = steady_ms();
    if (tries == 0) {
        c->busy_since_ = now;
    }
    if (now - c->busy_since_ >= kBusy || now >= c->deadline_) {
        return 0;
    }
    auto spread = static_cast<unsigned>(reinterpret_cast<uintptr_t>(self) >> 6);
    auto most = static_cast<unsigned>(std::min(tries + 1, 20));
    auto nap = std::chrono::microseconds(
        200 + ((static_cast<unsigned>(tries) * 7919U + spread) % most) * 1000);
    std::this_thread::sleep_for(nap);
    return 1;
}

int SqliteConnection::on_progress(void *self) {
    return steady_ms() >= static_cast<SqliteConnection *>(self)->deadline_;
}

} // namespace ks::sql
