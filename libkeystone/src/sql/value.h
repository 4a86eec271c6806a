// What goes into a statement and what comes out of it.  Two kinds and null are
// all that one SQL text for two engines needs: BIGINT and TEXT.  Times are
// BIGINT milliseconds, flags BIGINT 0 or 1, hashes lower-case hex TEXT.
#pragma once

#include "base/id.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ks::sql {

class Value {
  public:
    Value() = default; // null
    Value(int64_t n) : v_(n) {}
    Value(int n) : v_(static_cast<int64_t>(n)) {}
    Value(bool b) : v_(static_cast<int64_t>(b)) {}
    Value(std::string s) : v_(std::move(s)) {}
    Value(std::string_view s) : v_(std::string(s)) {}
    Value(const char *s) : v_(std::string(s)) {}
    Value(const Id &id) : v_(id.str()) {}

    bool null() const { return v_.index() == 0; }
    const int64_t *number() const { return std::get_if<int64_t>(&v_); }
    const std::string *text() const { return std::get_if<std::string>(&v_); }

  private:
    std::variant<std::monostate, int64_t, std::string> v_;
};

using Params = std::vector<Value>;

// Params from anything a Value can be made of.  A function, because a braced
// list next to co_await is what gcc 12 cannot do.
template <class... T> Params params(T &&...values) {
    Params out;
    out.reserve(sizeof...(values));
    (out.emplace_back(std::forward<T>(values)), ...);
    return out;
}

// One row; a getter of the wrong kind gives 0 or "", as null does.
class Row {
  public:
    explicit Row(const Value *first) : first_(first) {}

    int64_t number(size_t column) const {
        const int64_t *n = first_[column].number();
        return n != nullptr ? *n : 0;
    }
    bool flag(size_t column) const { return number(column) != 0; }
    std::string_view text(size_t column) const {
        const std::string *s = first_[column].text();
        return s != nullptr ? std::string_view(*s) : std::string_view();
    }
    std::string str(size_t column) const { return std::string(text(column)); }
    Id id(size_t column) const { return Id(text(column)); }

  private:
    const Value *first_;
};

// The rows a statement returned, and how many it changed.
class Rows {
  public:
    size_t size() const { return columns_ == 0 ? 0 : cells_.size() / columns_; }
    bool empty() const { return cells_.empty(); }
    Row operator[](size_t i) const { return Row(&cells_[i * columns_]); }
    int64_t changed() const { return changed_; }
    // Returned or changed something: what Expect::rows asks for.
    bool any() const { return !empty() || changed_ > 0; }

    // For drivers.
    void set_columns(size_t n) { columns_ = n; }
    void set_changed(int64_t n) { changed_ = n; }
    void add(Value v) { cells_.push_back(std::move(v)); }

  private:
    size_t columns_ = 0;
    int64_t changed_ = 0;
    std::vector<Value> cells_;
};

} // namespace ks::sql
