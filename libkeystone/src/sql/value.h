// What goes into a statement and what comes out of it.  Two kinds and null are
// all that one SQL text for two engines needs: BIGINT and TEXT.  Times are
// BIGINT milliseconds, flags BIGINT 0 or 1, hashes lower-case hex TEXT.
#pragma once

#include "base/id.h"

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ks::sql {

// Not a variant: gcc 12 warns of one that is moved after it was inlined.
class Value {
  public:
    Value() = default; // null
    template <std::integral T>
    Value(T n) : kind_(Kind::number), number_(static_cast<int64_t>(n)) {}
    Value(std::string s) : kind_(Kind::text), text_(std::move(s)) {}
    Value(std::string_view s) : Value(std::string(s)) {}
    Value(const char *s) : Value(std::string(s)) {}
    Value(const Id &id) : Value(id.str()) {}

    // Null if it is of another kind.
    const int64_t *number() const {
        return kind_ == Kind::number ? &number_ : nullptr;
    }
    const std::string *text() const {
        return kind_ == Kind::text ? &text_ : nullptr;
    }

  private:
    enum class Kind : uint8_t { null, number, text };
    Kind kind_ = Kind::null;
    int64_t number_ = 0;
    std::string text_;
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
    // As it is, for who passes it on.
    const Value &value(size_t column) const { return first_[column]; }

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
    // What `read` makes of each.
    template <class Read>
    auto all(Read read) const -> std::vector<decltype(read((*this)[0]))> {
        std::vector<decltype(read((*this)[0]))> made;
        made.reserve(size());
        for (size_t i = 0; i < size(); i++) {
            made.push_back(read((*this)[i]));
        }
        return made;
    }
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
