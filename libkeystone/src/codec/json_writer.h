// JSON going out: text is appended, no tree is built.  The caller keeps the
// order (a key before each member's value); commas come by themselves.
#pragma once

#include "base/time.h"

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ks::codec {

// Appends `text` as a JSON string, quotes included.  What is not UTF-8 becomes
// U+FFFD, a byte at a time.
void append_json_string(std::string &out, std::string_view text);

class JsonWriter {
  public:
    explicit JsonWriter(size_t reserve = 512) { out_.reserve(reserve); }

    JsonWriter &begin_object() { return open('{'); }
    JsonWriter &end_object() { return close('}'); }
    JsonWriter &begin_array() { return open('['); }
    JsonWriter &end_array() { return close(']'); }

    JsonWriter &key(std::string_view name) {
        comma();
        append_json_string(out_, name);
        out_ += ':';
        comma_ = false;
        return *this;
    }

    JsonWriter &string(std::string_view value) {
        comma();
        append_json_string(out_, value);
        return *this;
    }
    JsonWriter &integer(int64_t value);
    JsonWriter &real(double value); // shortest form that reads back the same
    JsonWriter &boolean(bool value) { return raw(value ? "true" : "false"); }
    JsonWriter &null() { return raw("null"); }
    // RFC 3339; null for 0, which says "not yet" everywhere inside.
    JsonWriter &time(WallMs value);
    // A value that is JSON already and known to be: stored metadata.
    JsonWriter &raw(std::string_view json) {
        comma();
        out_ += json;
        return *this;
    }

    // A member: key and value.  The integer and bool forms take exactly those
    // types, so that no pointer turns into true.
    JsonWriter &member(std::string_view name, std::string_view value) {
        return key(name).string(value);
    }
    JsonWriter &member(std::string_view name, const char *value) {
        return key(name).string(value);
    }
    template <std::same_as<bool> B>
    JsonWriter &member(std::string_view name, B value) {
        return key(name).boolean(value);
    }
    template <std::integral I>
        requires(!std::same_as<I, bool>)
    JsonWriter &member(std::string_view name, I value) {
        return key(name).integer(static_cast<int64_t>(value));
    }
    // Null when the text is empty: for ids and times that may be missing.
    JsonWriter &member_or_null(std::string_view name, std::string_view value) {
        return value.empty() ? key(name).null() : key(name).string(value);
    }
    JsonWriter &member_time(std::string_view name, WallMs value) {
        return key(name).time(value);
    }
    JsonWriter &member_raw(std::string_view name, std::string_view json) {
        return key(name).raw(json);
    }

    std::string_view view() const { return out_; }
    std::string take() { return std::exchange(out_, std::string()); }

  private:
    void comma() {
        if (comma_) {
            out_ += ',';
        }
        comma_ = true;
    }
    JsonWriter &open(char c) {
        comma();
        out_ += c;
        comma_ = false;
        return *this;
    }
    JsonWriter &close(char c) {
        out_ += c;
        comma_ = true;
        return *this;
    }

    std::string out_;
    bool comma_ = false;
};

} // namespace ks::codec
