// JSON coming in: what clients and SRS send.  (Going out: json_writer.h.)
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct json_t; // jansson's

namespace ks::codec {

class JsonWriter;

// A value of a parsed document; shares ownership of it, so it may outlive the
// Json it came from.  A view of its text lives as long as it does.
class Json {
  public:
    enum class Kind : uint8_t {
        absent,
        null,
        boolean,
        integer,
        real,
        string,
        array,
        object
    };

    Json() = default; // absent
    static Json adopt(json_t *owned);
    Json(const Json &other);
    Json(Json &&other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Json &operator=(Json other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~Json();

    Kind kind() const;
    bool is_object() const { return kind() == Kind::object; }
    bool is_array() const { return kind() == Kind::array; }

    // Of an object a member, of an array an element; else absent.
    Json operator[](std::string_view key) const;
    Json at(size_t index) const;
    // Members of an object, elements of an array, else 0.
    size_t size() const;

    std::optional<std::string_view> as_string() const;
    std::optional<int64_t> as_integer() const;
    std::optional<double> as_real() const; // of an integer, too
    std::optional<bool> as_boolean() const;

    // Shorthand for bodies that are read leniently, such as SRS's hooks: the
    // member if it is there and of that type.
    std::optional<std::string> string(std::string_view key) const;
    std::optional<int64_t> integer(std::string_view key) const;
    std::optional<bool> boolean(std::string_view key) const;

    // Calls `visit(key)` for every member, in the order they came.
    template <class F> void each_key(F visit) const {
        for (void *at = first_member(); at != nullptr; at = next_member(at)) {
            visit(key_of(at));
        }
    }

    // Writes it as one value, in the order it came.
    void write(JsonWriter &out) const;
    std::string dump() const;

  private:
    void *first_member() const;
    void *next_member(void *at) const;
    static std::string_view key_of(void *at);

    json_t *node_ = nullptr;
};

// One document, at most kMaxJsonDepth deep, without a member twice and without
// NUL.  Anything else is invalid_json, with line and column.
constexpr int kMaxJsonDepth = 32;
Result<Json> parse_json(std::string_view text);

} // namespace ks::codec
