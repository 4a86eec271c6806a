#include "codec/problem.h"

#include "codec/json_writer.h"

namespace ks::codec {

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
        out.member("instance", instance);
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
