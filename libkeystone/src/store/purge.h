// What is old goes a few rows at a time, so that no statement holds up those
// who write beside it or runs into the deadline.
//
// What makes a row old and may change is asked twice, inside the sub-select and
// beside it: PostgreSQL waits for who is changing the row and then looks at what
// is beside it again, not at the sub-select (READ COMMITTED).
#pragma once

#include "sql/database.h"

namespace ks::store {

// The most rows that one statement changes.  For its LIMIT.
constexpr int64_t kPurgeRows = 1000;
#define KS_PURGE_ROWS "1000"

// Runs `statement` until it finds fewer than kPurgeRows, pausing between; how
// many rows it changed in all.  Ends early when the worker drains.
rt::Task<Result<int64_t>> purge_all(sql::Database &db,
                                    const sql::Statement &statement,
                                    sql::Params params);

} // namespace ks::store
