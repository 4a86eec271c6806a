// Values in libpq's form, text both ways.
#pragma once

#include "sql/value.h"

#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace ks::sql {

// Of one statement; the pointers are into `params` and this.
class PostgresParams {
  public:
    explicit PostgresParams(const Params &params);

    int count() const { return static_cast<int>(values_.size()); }
    const char *const *values() const { return values_.data(); }
    // bigint or text; 0 lets the server find out, for a null.
    const unsigned *types() const { return types_.data(); }

  private:
    std::vector<std::string> texts_;
    std::vector<const char *> values_;
    std::vector<unsigned> types_;
};

// PostgreSQL's text holds UTF-8 without NUL: what is neither becomes U+FFFD.
std::string postgres_text(std::string_view text);

// Adds the rows of a result, as many as there is room for (kMaxRows); false
// when there were more.
bool add_rows(const pg_result *result, Rows &rows);

} // namespace ks::sql
