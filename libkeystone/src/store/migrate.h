// Brings a database to the schema of this release.  Forward only; any number of
// processes may do it at once.
#pragma once

#include "sql/database.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ks::store {

struct Migration {
    std::string_view name; // "0001_init": the number is the version
    std::string_view text; // statements, each ended by ';' at the end of a line
};

// Those of this release, carried inside the program.
std::span<const Migration> migrations();

struct MigrationState {
    int version = 0;
    std::string name;
    WallMs applied_at = 0; // 0: not yet
};

// All that are known, in order.  Changes nothing, but that an embedded database
// gets an empty list of what was applied.  `conflict` when the database is newer than this
// program or has another text of a migration.
rt::Task<Result<std::vector<MigrationState>>>
migration_status(sql::Database &db,
                 std::span<const Migration> known = migrations());

// `conflict` when it is not exactly the schema of this release.
rt::Task<Result<void>>
check_schema(sql::Database &db,
             std::span<const Migration> known = migrations());

// Those that this call applied.
rt::Task<Result<std::vector<MigrationState>>>
migrate(sql::Database &db, std::span<const Migration> known = migrations());

} // namespace ks::store
