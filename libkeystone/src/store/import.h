// Moves an installation from one database to another: from a SQLite file to
// PostgreSQL when it outgrows its machine, or back.
//
// Page by page, each page atomic, in the order that references ask for.  What
// was interrupted goes on where it stopped when it is started again; a target
// that is in use is refused.
#pragma once

#include "sql/database.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::store {

struct Imported {
    std::string_view table;
    int64_t rows = 0; // of the source
};

// Both have the schema of this release (`store_unavailable` says which does
// not) and nobody writes to the source meanwhile.  `conflict` when the target
// has accounts that do not come from this source.  `told` after each page.
rt::Task<Result<std::vector<Imported>>>
import(sql::Database &from, sql::Database &to,
       std::function<void(const Imported &)> told);

// What is not moved, because it is about now or gone in an hour; for the test
// that nothing else is left behind.
std::vector<std::string_view> tables_moved();
std::vector<std::string_view> tables_left();
std::vector<std::string_view> columns_moved(std::string_view table);

} // namespace ks::store
