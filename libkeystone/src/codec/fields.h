// Reads a request's body member by member and finds everything that is wrong
// with it, all at once.
//
//   FieldReader in(body);
//   auto title = in.string("title", {.min = 1, .max = 200, .required = true});
//   auto limit = in.integer("max_viewers", {.min = 0, .max = 100000});
//   auto visibility = in.choice<Visibility>("visibility", parse_visibility,
//                                           "public, unlisted or private");
//   std::vector<FieldError> wrong = in.finish(); // empty: all is well
#pragma once

#include "codec/json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::codec {

struct FieldError {
    std::string field;     // "title", "allowed_ips[2]", "" for the body itself
    std::string_view code; // stable, for machines: a literal
    std::string detail;    // for people: names thing and cure
};

// Of a merge patch: absent leaves alone, null resets, a value sets.  A wrong
// one counts as absent: finish() tells.
template <class T> struct Field {
    bool given = false; // null or a value
    std::optional<T> value;

    bool is_null() const { return given && !value; }
    explicit operator bool() const { return value.has_value(); }
    T &operator*() { return *value; }
    const T &operator*() const { return *value; }
    T value_or(T otherwise) const {
        return value ? *value : std::move(otherwise);
    }
};

enum class Unit : uint8_t { characters, bytes };

struct Text {
    size_t min = 0; // 1 or more: blanks alone will not do either
    size_t max = 255;
    bool required = false;
    bool nullable = false;
    Unit unit = Unit::characters;
    bool lines = false; // line feeds and tabs are fine, other controls never
    bool (*valid)(std::string_view) = nullptr;
    std::string_view hint = {}; // what `valid` wants: "an e-mail address"
};

struct Number {
    int64_t min = 0;
    int64_t max = INT64_MAX;
    bool required = false;
    bool nullable = false;
};

struct Need {
    bool required = false;
    bool nullable = false;
};

struct Texts {
    size_t max_count = 20;
    size_t max = 255;         // bytes of each
    size_t max_joined = 4096; // bytes of all, joined by a blank
    bool required = false;
    bool nullable = false;
    bool (*valid)(std::string_view) = nullptr;
    std::string_view hint = {};
};

struct Object {
    size_t max_bytes = 4096; // as compact JSON
    bool required = false;
    bool nullable = false;
};

class FieldReader {
  public:
    explicit FieldReader(Json body);

    Field<std::string> string(std::string_view name, const Text &bounds);
    Field<int64_t> integer(std::string_view name, const Number &bounds);
    Field<bool> boolean(std::string_view name, const Need &need = {});
    Field<std::vector<std::string>> strings(std::string_view name,
                                            const Texts &bounds);
    // As compact JSON, ready to be stored.
    Field<std::string> object(std::string_view name, const Object &bounds);

    template <class E>
    Field<E> choice(std::string_view name,
                    std::optional<E> (*parse)(std::string_view),
                    std::string_view allowed, const Need &need = {}) {
        Field<E> field;
        Json value;
        field.given = take(name, need, Json::Kind::string, "a string", value);
        if (field.given && value.kind() == Json::Kind::string) {
            field.value = parse(*value.as_string());
            if (!field.value) {
                field.given = false;
                add(std::string(name), "invalid_value",
                    "must be " + std::string(allowed));
            }
        }
        return field;
    }

    // For what no bound can say: "ends before it starts".
    void add(std::string field, std::string_view code, std::string detail);

    // Once, after the last member: unknown ones are errors, too.
    std::vector<FieldError> finish();

  private:
    // True: `value` is null (and may be) or of the kind.
    bool take(std::string_view name, const Need &need, Json::Kind kind,
              std::string_view kind_text, Json &value);
    bool check_text(const std::string &field, std::string_view text,
                    const Text &bounds);

    Json body_;
    std::vector<std::string_view> known_; // literals of the caller
    std::vector<FieldError> errors_;
};

} // namespace ks::codec
