// Statements that tests share, and a database on a file of its own.
#pragma once

#include "../store/support.h"
#include "../support/postgres.h"
#include "sql/database.h"

namespace ks::test {

inline const sql::Statement kCreate = {
    "", "CREATE TABLE t (k TEXT PRIMARY KEY, n BIGINT)", sql::Access::write};
inline const sql::Statement kAdd = {
    "add", "INSERT INTO t (k, n) VALUES ($1, $2)", sql::Access::write};
inline const sql::Statement kBump = {
    "bump", "UPDATE t SET n = n + $2 WHERE k = $1 RETURNING n",
    sql::Access::write};
inline const sql::Statement kAll = {"all", "SELECT k, n FROM t ORDER BY k",
                                    sql::Access::read};

// Of what /readyz and the logs show.
inline bool says(const sql::Database &db, std::string_view part) {
    if (db.health().trouble.find(part) != std::string::npos) {
        return true;
    }
    print_error("\"%s\" does not say \"%.*s\"\n", db.health().trouble.c_str(),
                static_cast<int>(part.size()), part.data());
    return false;
}

struct SqlWorld : Runner {
    TempDir dir;
    std::string url = "sqlite:" + dir.file("k.db");
    std::unique_ptr<sql::Database> db;

    SqlWorld() : SqlWorld("") {}
    // Empty: a new SQLite file.
    explicit SqlWorld(std::string at, const sql::Options &options = {}) {
        if (!at.empty()) {
            url = std::move(at);
        }
        auto opened = sql::open(url, options);
        assert_true(opened.ok());
        db = std::move(*opened);
        auto made = query(kCreate);
        assert_true(made.ok());
    }
    template <class... T>
    Result<sql::Rows> query(const sql::Statement &s, T &&...values) {
        return run(db->query(s, sql::params(std::forward<T>(values)...)));
    }
    size_t count() {
        auto rows = query(kAll);
        assert_true(rows.ok());
        return rows->size();
    }
};

} // namespace ks::test
