#include "store/migrate.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <algorithm>
#include <charconv>
#include <deque>

namespace ks::store {

namespace {

constexpr Migration kMigrations[] = {
#include "migrations.inc"
};

const sql::Statement kCreateTable = {
    "",
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " version BIGINT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " checksum TEXT NOT NULL,"
    " applied_at BIGINT NOT NULL)",
    sql::Access::write};

const sql::Statement kApplied = {
    "",
    "SELECT version, name, checksum, applied_at"
    " FROM schema_migrations ORDER BY version",
    sql::Access::write}; // on the writer: what it wrote is there to be read

// Whoever inserts the row applies the migration, in the same transaction; the
// others wait for it there, and then find that it is done.
const sql::Statement kClaim = {
    "",
    "INSERT INTO schema_migrations (version, name, checksum, applied_at)"
    " VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING"
    " RETURNING version",
    sql::Access::write};

struct Applied {
    MigrationState state;
    std::string checksum;
};

int version_of(std::string_view name) {
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    return version;
}

std::string checksum_of(std::string_view text) {
    auto digest = sha256(text);
    return hex_encode(digest);
}

// Statements end with ';' at the end of a line; comments stand on their own
// lines.  Kept for good: a Statement outlives every job that has it.
std::deque<std::string> split(std::string_view text) {
    std::deque<std::string> out;
    std::string statement;
    while (!text.empty()) {
        size_t end = text.find('\n');
        std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size()
                                                         : end + 1);
        if (line.empty() || line.starts_with("--")) {
            continue;
        }
        bool last = line.ends_with(';');
        statement += line.substr(0, line.size() - (last ? 1 : 0));
        statement += ' ';
        if (last) {
            out.push_back(std::move(statement));
            statement.clear();
        }
    }
    if (!statement.empty()) {
        out.push_back(std::move(statement));
    }
    return out;
}

struct Scripts {
    std::deque<std::string> texts;
    std::deque<sql::Statement> statements;
};

sql::Batch batch_of(const Migration &migration, WallMs now,
                    const sql::Engine &engine, Scripts &keep) {
    sql::Batch batch;
    if (engine.migration_lock != nullptr) {
        batch.emplace_back(*engine.migration_lock, sql::Params());
    }
    batch.emplace_back(kCreateTable, sql::Params());
    batch.emplace_back(kClaim,
                       sql::params(version_of(migration.name), migration.name,
                                   checksum_of(migration.text), now),
                       sql::Expect::rows);
    for (std::string &text : split(migration.text)) {
        keep.texts.push_back(std::move(text));
        keep.statements.push_back(
            sql::Statement{"", keep.texts.back(), sql::Access::write});
        batch.emplace_back(keep.statements.back(), sql::Params());
    }
    return batch;
}

Scripts &scripts() {
    static Scripts kept;
    return kept;
}

// PostgreSQL and SQLite say it so; from a statement on our own list it means
// that the list is none of ours.
bool lacks_column(const Error &error, const std::string &trouble) {
    return error.code == Code::store_unavailable &&
           (trouble.find("SQLSTATE 42703") != std::string::npos ||
            trouble.find("no such column") != std::string::npos);
}

// The list; one that is not there is empty.  An embedded database gets it, the
// others are not written to by who only looks.
rt::Task<Result<sql::Rows>> list(sql::Database &db) {
    sql::Params name = sql::params("schema_migrations");
    if (db.engine().has_table != nullptr) {
        auto has = co_await db.query(*db.engine().has_table, std::move(name));
        if (!has || !(*has)[0].flag(0)) {
            co_return has ? Result<sql::Rows>(sql::Rows()) : std::move(has);
        }
    } else {
        sql::Params none;
        auto made = co_await db.query(kCreateTable, std::move(none));
        if (!made) {
            co_return std::move(made.error());
        }
    }
    sql::Params none;
    auto rows = co_await db.query(kApplied, std::move(none));
    if (!rows && lacks_column(rows.error(), db.health().trouble)) {
        co_return Error(Code::conflict,
                        "the table schema_migrations in this database is "
                        "another program's: give Keystone a database of its "
                        "own (createdb keystone), and name it");
    }
    co_return rows;
}

std::vector<Applied> applied_in(const sql::Rows &rows) {
    std::vector<Applied> out;
    for (size_t i = 0; i < rows.size(); i++) {
        Applied a;
        a.state.version = static_cast<int>(rows[i].number(0));
        a.state.name = rows[i].str(1);
        a.checksum = rows[i].str(2);
        a.state.applied_at = rows[i].number(3);
        out.push_back(std::move(a));
    }
    return out;
}

Result<std::vector<MigrationState>>
compare(std::span<const Migration> known, const std::vector<Applied> &applied) {
    std::vector<MigrationState> out;
    for (const Migration &m : known) {
        out.push_back({version_of(m.name), std::string(m.name), 0});
    }
    for (const Applied &a : applied) {
        auto at = std::find_if(out.begin(), out.end(), [&](auto &state) {
            return state.version == a.state.version;
        });
        if (at == out.end()) {
            return Error(Code::conflict,
                         "the database has migration " + a.state.name +
                             ", which this release does not know: it was used "
                             "by a newer Keystone. Install that one, or "
                             "restore a backup");
        }
        auto i = static_cast<size_t>(at - out.begin());
        if (checksum_of(known[i].text) != a.checksum) {
            return Error(Code::conflict,
                         "migration " + a.state.name +
                             " was applied to the database with another text "
                             "than this release has: install the release that "
                             "did it, or restore a backup");
        }
        out[i].applied_at = a.state.applied_at;
    }
    return out;
}

} // namespace

std::span<const Migration> migrations() { return kMigrations; }

rt::Task<Result<std::vector<MigrationState>>>
migration_status(sql::Database &db, std::span<const Migration> known) {
    auto rows = co_await list(db);
    if (!rows) {
        co_return std::move(rows.error());
    }
    std::vector<Applied> applied = applied_in(*rows);
    co_return compare(known, applied);
}

rt::Task<Result<void>> check_schema(sql::Database &db,
                                    std::span<const Migration> known) {
    auto status = co_await migration_status(db, known);
    if (!status) {
        co_return std::move(status.error());
    }
    std::string missing;
    for (const MigrationState &m : *status) {
        if (m.applied_at == 0) {
            missing += missing.empty() ? "" : ", ";
            missing += m.name;
        }
    }
    if (!missing.empty()) {
        co_return Error(Code::conflict,
                        "the database has not the schema of this release, it "
                        "lacks " +
                            missing +
                            ": run keystonectl migrate (nginx goes on by "
                            "itself then)");
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<MigrationState>>>
migrate(sql::Database &db, std::span<const Migration> known) {
    auto status = co_await migration_status(db, known);
    if (!status) {
        co_return std::move(status.error());
    }
    std::vector<MigrationState> done;
    for (size_t i = 0; i < known.size(); i++) {
        if ((*status)[i].applied_at != 0) {
            continue;
        }
        WallMs now = rt::Loop::current().wall();
        sql::Batch batch = batch_of(known[i], now, db.engine(), scripts());
        auto outcome = co_await db.batch(std::move(batch));
        if (!outcome && outcome.error().code == Code::internal) {
            co_return Error(Code::internal,
                            "migration " + (*status)[i].name +
                                " cannot be applied, nothing was changed: " +
                                db.health().refused +
                                ". A database with tables of another program "
                                "is none for Keystone: give it one of its own");
        }
        if (!outcome) {
            co_return std::move(outcome.error());
        }
        if (outcome->done()) {
            MigrationState state = (*status)[i];
            state.applied_at = now;
            done.push_back(std::move(state));
        }
    }
    co_return done;
}

} // namespace ks::store
