#include "sql/postgres_values.h"

#include "codec/utf8.h"
#include "sql/database.h"

#include <charconv>
#include <libpq-fe.h>

namespace ks::sql {

namespace {

// server/catalog/pg_type_d.h, which is in no package that libpq needs.
constexpr Oid kBool = 16;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kNumeric = 1700;

// A number when it is a whole one: SUM() of bigint is numeric here.
Value number_of(std::string_view text) {
    int64_t n = 0;
    const char *last = text.data() + text.size();
    auto [end, failed] = std::from_chars(text.data(), last, n);
    if (failed != std::errc() || end != last) {
        return Value(text);
    }
    return Value(n);
}

Value value_of(Oid type, std::string_view text) {
    switch (type) {
    case kBool:
        return Value(text == "t" ? 1 : 0);
    case kInt2:
    case kInt4:
    case kInt8:
    case kNumeric:
        return number_of(text);
    default:
        return Value(text);
    }
}

} // namespace

std::string postgres_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        size_t n = text[at] == '\0' ? 0 : codec::utf8_at(text, at);
        out += n == 0 ? "\xEF\xBF\xBD" : text.substr(at, n);
        at += n == 0 ? 1 : n;
    }
    return out;
}

PostgresParams::PostgresParams(const Params &params) {
    texts_.reserve(params.size()); // they do not move
    for (const Value &v : params) {
        if (const int64_t *n = v.number()) {
            values_.push_back(texts_.emplace_back(std::to_string(*n)).c_str());
            types_.push_back(kInt8);
        } else if (const std::string *s = v.text()) {
            values_.push_back(texts_.emplace_back(postgres_text(*s)).c_str());
            types_.push_back(kText);
        } else {
            values_.push_back(nullptr);
            types_.push_back(0);
        }
    }
}

bool add_rows(const pg_result *result, Rows &rows) {
    int columns = PQnfields(result);
    int count = PQntuples(result);
    rows.set_columns(static_cast<size_t>(columns));
    for (int i = 0; i < count; i++) {
        if (rows.size() >= Database::kMaxRows) {
            return false;
        }
        for (int c = 0; c < columns; c++) {
            if (PQgetisnull(result, i, c) != 0) {
                rows.add(Value());
                continue;
            }
            auto size = static_cast<size_t>(PQgetlength(result, i, c));
            rows.add(
                value_of(PQftype(result, c), {PQgetvalue(result, i, c), size}));
        }
    }
    return true;
}

} // namespace ks::sql
