#include "codec/problem.h"

#include "base/bytes.h"
#include "codec/json_writer.h"

#include <algorithm>

namespace ks::codec {

namespace {

// A key or token in a place where none belongs (a path) is not sent back: what
// is sent is logged and shown.
std::string without_tokens(std::string_view text) {
    std::string out;
    for (;;) {
        size_t at = std::string_view::npos;
        for (std::string_view prefix : {"ks_pub_", "ks_play_"}) {
            size_t found = text.find(prefix);
            if (found != std::string_view::npos) {
                at = std::min(at, found + prefix.size());
            }
        }
        if (at == std::string_view::npos) {
            out += text;
            return out;
        }
        out += text.substr(0, at);
        out += '-';
        text.remove_prefix(at);
        while (!text.empty() && is_base62(text.substr(0, 1))) {
            text.remove_prefix(1);
        }
    }
}

} // namespace

std::string problem(const Error &error, std::string_view instance,
                    std::string_view request_id,
                    std::span<const FieldError> errors, unsigned status) {
    std::string_view code = code_name(error.code);
    std::string_view title = code_title(error.code);
    std::string type = "urn:keystone:problem:";
    type += code;

    JsonWriter out;
    out.begin_object();
    out.member("type", type);
    out.member("title", title);
    out.member("status", status != 0 ? status : code_status(error.code));
    out.member("detail",
               error.detail.empty() ? title : std::string_view(error.detail));
    if (!instance.empty()) {
        out.member("instance", instance.find("ks_p") == std::string_view::npos
                                   ? std::string(instance)
                                   : without_tokens(instance));
    }
    out.member("code", code);
    if (!request_id.empty()) {
        out.member("request_id", request_id);
    }
    if (!errors.empty()) {
        out.key("errors").begin_array();
        for (const FieldError &e : errors) {
            out.begin_object();
            out.member("field", e.field);
            out.member("code", e.code);
            out.member("detail", e.detail);
            out.end_object();
        }
        out.end_array();
    }
    out.end_object();
    return out.take();
}

Error invalid_fields(std::span<const FieldError> errors) {
    if (errors.empty()) {
        return Error(Code::invalid_request, "The request is not acceptable.");
    }
    const FieldError &first = errors.front();
    std::string detail =
        first.field.empty() ? first.detail : first.field + " " + first.detail;
    if (errors.size() > 1) {
        detail += "; " + std::to_string(errors.size() - 1) + " more in errors";
    }
    return Error(Code::invalid_request, std::move(detail));
}

} // namespace ks::codec
