// A PostgreSQL of all tests of a program, and what it tells of a world's
// connections.
#pragma once

#include "support.h"

namespace ks::test {

inline const sql::Statement kPid = {"pid", "SELECT pg_backend_pid()",
                                    sql::Access::read};
inline const sql::Statement kNap = {
    "nap", "SELECT pg_sleep(CAST($1 AS FLOAT) / 1000)", sql::Access::read};

inline const sql::Statement kSlowBump = {
    "slow_bump",
    "UPDATE t SET n = n + 1 WHERE k = $1 AND pg_sleep(0.3) IS NOT NULL",
    sql::Access::write};

inline std::string fresh() { return shared_postgres().make_schema(); }

// How many connections of a world's there are.
inline int connected(const std::string &name) {
    return std::stoi(shared_postgres().ask(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '" +
        name + "'"));
}

inline std::string named(const std::string &url, const std::string &name) {
    return url + "&application_name=" + name;
}

} // namespace ks::test
