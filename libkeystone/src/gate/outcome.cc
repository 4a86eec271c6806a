#include "gate/outcome.h"

#include "codec/problem.h"

namespace ks::gate {

// Media may be asked for by any page; whether this page may is decided by the
// stream's and the token's list of origins, not by CORS.
void add_media_headers(const codec::RequestView &request,
                       codec::Response &response) {
    std::string_view origin = request.header("origin");
    if (origin.empty()) {
        return;
    }
    response.set("Access-Control-Allow-Origin", origin);
    response.set("Vary", "Origin");
    response.set("Access-Control-Expose-Headers",
                 "Location, ETag, Link, Retry-After, WWW-Authenticate, "
                 "Accept-Post, Access-Control-Allow-Methods, X-Request-Id");
}

Outcome refusal(const codec::RequestView &request, Code code,
                std::string_view detail, int retry_after_s) {
    Outcome out;
    out.code = code;
    Error error(code, std::string(detail), retry_after_s);
    out.response.status = code_status(code);
    out.response.set("Content-Type", codec::kProblemType);
    out.response.set("Cache-Control", "no-store");
    if (out.response.status == 401) {
        // RFC 6750, section 3: no error attribute when nothing was presented
        bool presented = !request.header("authorization").empty();
        out.response.set("WWW-Authenticate", presented
                                                 ? "Bearer realm=\"keystone\", "
                                                   "error=\"invalid_token\""
                                                 : "Bearer realm=\"keystone\"");
    }
    if (retry_after_s > 0) {
        out.response.set("Retry-After", std::to_string(retry_after_s));
    }
    out.response.body = codec::problem(error, request.uri, request.request_id);
    add_media_headers(request, out.response);
    return out;
}

} // namespace ks::gate
