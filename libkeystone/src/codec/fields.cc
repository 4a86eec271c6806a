#include "codec/fields.h"

#include "base/bytes.h"
#include "codec/utf8.h"

#include <algorithm>

namespace ks::codec {

namespace {

constexpr size_t kMaxErrors = 32;
constexpr size_t kMaxShownName = 64;

// ASCII and C1 controls; C1 is 0xC2 0x80 to 0xC2 0x9F in UTF-8.
bool has_control(std::string_view text, bool lines) {
    for (size_t i = 0; i < text.size(); i++) {
        auto c = static_cast<uint8_t>(text[i]);
        if (c < 0x20 || c == 0x7F) {
            bool fine = lines && (c == '\n' || c == '\t' || c == '\r');
            if (!fine) {
                return true;
            }
        } else if (c == 0xC2 && i + 1 < text.size() &&
                   static_cast<uint8_t>(text[i + 1]) < 0xA0) {
            return true;
        }
    }
    return false;
}

// A stranger's name in our answer: short, and cut between characters.
std::string shown(std::string_view name) {
    if (name.size() <= kMaxShownName) {
        return std::string(name);
    }
    size_t end = kMaxShownName;
    while (end > 0 && (static_cast<uint8_t>(name[end]) & 0xC0) == 0x80) {
        end--;
    }
    return std::string(name.substr(0, end)) + "...";
}

std::string count_of(size_t n, std::string_view unit) {
    std::string text = std::to_string(n) + " ";
    text += n == 1 ? unit.substr(0, unit.size() - 1) : unit;
    return text;
}

} // namespace

FieldReader::FieldReader(Json body) : body_(std::move(body)) {
    if (!body_.is_object()) {
        add("", "wrong_type", "the body must be a JSON object");
    }
}

void FieldReader::add(std::string field, std::string_view code,
                      std::string detail) {
    if (errors_.size() < kMaxErrors) {
        errors_.push_back({std::move(field), code, std::move(detail)});
    }
}

bool FieldReader::take(std::string_view name, const Need &need, Json::Kind kind,
                       std::string_view kind_text, Json &value) {
    known_.push_back(name);
    if (!body_.is_object()) {
        return false;
    }
    value = body_[name];
    if (value.kind() == kind) {
        return true;
    }
    if (value.kind() == Json::Kind::absent) {
        if (need.required) {
            add(std::string(name), "required", "is missing");
        }
        return false;
    }
    if (value.kind() == Json::Kind::null && need.nullable) {
        return true;
    }
    std::string detail = "must be ";
    detail += kind_text;
    if (need.nullable) {
        detail += " or null";
    }
    add(std::string(name), "wrong_type", std::move(detail));
    return false;
}

bool FieldReader::check_text(const std::string &field, std::string_view text,
                             const Text &bounds) {
    bool bytes = bounds.unit == Unit::bytes;
    std::string_view unit = bytes ? "bytes" : "characters";
    size_t length = bytes ? text.size() : utf8_characters(text);
    if (length > bounds.max) {
        add(field, "too_long",
            "must have at most " + count_of(bounds.max, unit));
        return false;
    }
    if (length < bounds.min || (bounds.min > 0 && trim(text).empty())) {
        add(field, "too_short",
            bounds.min == 1
                ? std::string("must not be empty or blank")
                : "must have at least " + count_of(bounds.min, unit));
        return false;
    }
    if (has_control(text, bounds.lines)) {
        add(field, "invalid_value", "must not have control characters");
        return false;
    }
    if (bounds.valid != nullptr && !bounds.valid(text)) {
        add(field, "invalid_value", "must be " + std::string(bounds.hint));
        return false;
    }
    return true;
}

Field<std::string> FieldReader::string(std::string_view name,
                                       const Text &bounds) {
    Field<std::string> field;
    Json value;
    field.given = take(name, {bounds.required, bounds.nullable},
                       Json::Kind::string, "a string", value);
    if (auto text = value.as_string(); field.given && text) {
        field.given = check_text(std::string(name), *text, bounds);
        if (field.given) {
            field.value = std::string(*text);
        }
    }
    return field;
}

Field<int64_t> FieldReader::integer(std::string_view name,
                                    const Number &bounds) {
    Field<int64_t> field;
    Json value;
    field.given = take(name, {bounds.required, bounds.nullable},
                       Json::Kind::integer, "a whole number", value);
    auto number = value.as_integer();
    if (!field.given || !number) {
        return field;
    }
    if (*number < bounds.min || *number > bounds.max) {
        field.given = false;
        std::string detail = "must be at least " + std::to_string(bounds.min);
        if (bounds.max != INT64_MAX) {
            detail += " and at most " + std::to_string(bounds.max);
        }
        add(std::string(name), "out_of_range", std::move(detail));
        return field;
    }
    field.value = number;
    return field;
}

Field<bool> FieldReader::boolean(std::string_view name, const Need &need) {
    Field<bool> field;
    Json value;
    field.given = take(name, need, Json::Kind::boolean, "true or false", value);
    if (field.given) {
        field.value = value.as_boolean();
    }
    return field;
}

Field<std::vector<std::string>> FieldReader::strings(std::string_view name,
                                                     const Texts &bounds) {
    Field<std::vector<std::string>> field;
    Json value;
    field.given = take(name, {bounds.required, bounds.nullable},
                       Json::Kind::array, "an array of strings", value);
    if (!field.given || !value.is_array()) {
        return field;
    }
    field.given = false;
    if (value.size() > bounds.max_count) {
        add(std::string(name), "too_many",
            "must have at most " + count_of(bounds.max_count, "items"));
        return field;
    }
    const Text each{.min = 1,
                    .max = bounds.max,
                    .unit = Unit::bytes,
                    .valid = bounds.valid,
                    .hint = bounds.hint};
    std::vector<std::string> texts;
    size_t joined = 0;
    bool fine = true;
    for (size_t i = 0; i < value.size(); i++) {
        std::string where = std::string(name) + "[" + std::to_string(i) + "]";
        Json entry = value.at(i);
        auto text = entry.as_string();
        if (!text) {
            add(std::move(where), "wrong_type", "must be a string");
            fine = false;
        } else if (!check_text(where, *text, each)) {
            fine = false;
        } else {
            joined += text->size() + (texts.empty() ? 0 : 1);
            texts.emplace_back(*text);
        }
    }
    if (fine && joined > bounds.max_joined) {
        add(std::string(name), "too_long",
            "must have at most " + count_of(bounds.max_joined, "bytes") +
                " in all");
        fine = false;
    }
    if (fine) {
        field.given = true;
        field.value = std::move(texts);
    }
    return field;
}

Field<std::string> FieldReader::object(std::string_view name,
                                       const Object &bounds) {
    Field<std::string> field;
    Json value;
    field.given = take(name, {bounds.required, bounds.nullable},
                       Json::Kind::object, "an object", value);
    if (!field.given || !value.is_object()) {
        return field;
    }
    std::string text = value.dump();
    if (text.size() > bounds.max_bytes) {
        field.given = false;
        add(std::string(name), "too_long",
            "must have at most " + count_of(bounds.max_bytes, "bytes") +
                " as JSON");
        return field;
    }
    field.value = std::move(text);
    return field;
}

std::vector<FieldError> FieldReader::finish() {
    body_.each_key([&](std::string_view key) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
            add(shown(key), "unknown_member", "is not known here");
        }
    });
    return std::move(errors_);
}

} // namespace ks::codec
