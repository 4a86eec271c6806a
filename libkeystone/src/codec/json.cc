#include "codec/json.h"

#include "codec/json_writer.h"

#include <jansson.h>

namespace ks::codec {

namespace {

// jansson recurses, here and when it frees: stop before it starts.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxJsonDepth) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

// jansson's texts quote what they stumbled over; the body may hold a password.
std::string_view reason(enum json_error_code code) {
    switch (code) {
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows its end";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "it has a NUL character";
    case json_error_duplicate_key:
        return "a member is given twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "it is not well-formed";
    }
}

} // namespace

Json Json::adopt(json_t *owned) {
    Json json;
    json.node_ = owned;
    return json;
}

Json::Json(const Json &other) : node_(json_incref(other.node_)) {}

Json::~Json() { json_decref(node_); }

Json::Kind Json::kind() const {
    if (node_ == nullptr) {
        return Kind::absent;
    }
    switch (json_typeof(node_)) {
    case JSON_OBJECT:
        return Kind::object;
    case JSON_ARRAY:
        return Kind::array;
    case JSON_STRING:
        return Kind::string;
    case JSON_INTEGER:
        return Kind::integer;
    case JSON_REAL:
        return Kind::real;
    case JSON_TRUE:
    case JSON_FALSE:
        return Kind::boolean;
    case JSON_NULL:
        break;
    }
    return Kind::null;
}

Json Json::operator[](std::string_view key) const {
    return adopt(json_incref(json_object_getn(node_, key.data(), key.size())));
}

Json Json::at(size_t index) const {
    return adopt(json_incref(json_array_get(node_, index)));
}

size_t Json::size() const {
    return is_object() ? json_object_size(node_) : json_array_size(node_);
}

std::optional<std::string_view> Json::as_string() const {
    if (kind() != Kind::string) {
        return std::nullopt;
    }
    return std::string_view(json_string_value(node_),
                            json_string_length(node_));
}

std::optional<int64_t> Json::as_integer() const {
    if (kind() != Kind::integer) {
        return std::nullopt;
    }
    return json_integer_value(node_);
}

std::optional<double> Json::as_real() const {
    if (kind() != Kind::integer && kind() != Kind::real) {
        return std::nullopt;
    }
    return json_number_value(node_);
}

std::optional<bool> Json::as_boolean() const {
    if (kind() != Kind::boolean) {
        return std::nullopt;
    }
    return json_is_true(node_);
}

std::optional<std::string> Json::string(std::string_view key) const {
    Json member = (*this)[key];
    auto text = member.as_string();
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

std::optional<int64_t> Json::integer(std::string_view key) const {
    return (*this)[key].as_integer();
}

std::optional<bool> Json::boolean(std::string_view key) const {
    return (*this)[key].as_boolean();
}

void *Json::first_member() const { return json_object_iter(node_); }

void *Json::next_member(void *at) const {
    return json_object_iter_next(node_, at);
}

std::string_view Json::key_of(void *at) {
    return {json_object_iter_key(at), json_object_iter_key_len(at)};
}

void Json::write(JsonWriter &out) const {
    switch (kind()) {
    case Kind::absent:
    case Kind::null:
        out.null();
        break;
    case Kind::boolean:
        out.boolean(json_is_true(node_));
        break;
    case Kind::integer:
        out.integer(json_integer_value(node_));
        break;
    case Kind::real:
        out.real(json_real_value(node_));
        break;
    case Kind::string:
        out.string(*as_string());
        break;
    case Kind::array:
        out.begin_array();
        for (size_t i = 0; i < size(); i++) {
            at(i).write(out);
        }
        out.end_array();
        break;
    case Kind::object:
        out.begin_object();
        each_key([&](std::string_view key) {
            out.key(key);
            (*this)[key].write(out);
        });
        out.end_object();
        break;
    }
}

std::string Json::dump() const {
    JsonWriter out;
    write(out);
    return out.take();
}

Result<Json> parse_json(std::string_view text) {
    if (too_deep(text)) {
        return Error(Code::invalid_json,
                     "The body is nested too deep: at most " +
                         std::to_string(kMaxJsonDepth) + " levels.");
    }
    json_error_t failure;
    json_t *root =
        json_loadb(text.data(), text.size(),
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &failure);
    if (root == nullptr) {
        std::string detail = "The body is not JSON: ";
        detail += reason(json_error_code(&failure));
        detail += ", line " + std::to_string(failure.line) + ", column " +
                  std::to_string(failure.column) + ".";
        return Error(Code::invalid_json, std::move(detail));
    }
    return Json::adopt(root);
}

} // namespace ks::codec
