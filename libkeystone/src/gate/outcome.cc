#include "gate/outcome.h"

#include "codec/problem.h"
#include "codec/uri.h"
#include "model/token.h"

#include <algorithm>

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

namespace {

// The path, in which HLS may carry a play token: /live/t/{token}/...
std::string without_token(const codec::RequestView &request) {
    std::string_view uri = request.uri;
    size_t token = request.prefix_len + 2;
    if (!uri.substr(request.prefix_len).starts_with("t/")) {
        return std::string(uri);
    }
    std::string path(uri.substr(0, token));
    path += '-';
    path += uri.substr(std::min(uri.find('/', token), uri.size()));
    return path;
}

} // namespace

Outcome refusal(const codec::RequestView &request, Code code,
                std::string_view detail, int retry_after_s, unsigned status) {
    Outcome out;
    out.code = code;
    out.problem.emplace(code, std::string(detail), retry_after_s);
    out.response.headers.reserve(10);
    out.response.status = status != 0 ? status : code_status(code);
    out.response.set("Content-Type", codec::kProblemType);
    out.response.set("Cache-Control", "no-store");
    if (out.response.status == 401) {
        // RFC 6750, section 3: no error attribute when nothing was presented
        auto bearer = codec::bearer(request.header("authorization"));
        bool presented = bearer && model::presented_token(*bearer);
        out.response.set("WWW-Authenticate", presented
                                                 ? "Bearer realm=\"keystone\", "
                                                   "error=\"invalid_token\""
                                                 : "Bearer realm=\"keystone\"");
    }
    if (retry_after_s > 0) {
        out.response.set("Retry-After", std::to_string(retry_after_s));
    }
    add_media_headers(request, out.response);
    if (!request.request_id.empty()) {
        write_problem(request, out);
    }
    return out;
}

void write_problem(const codec::RequestView &request, Outcome &out) {
    out.response.body =
        codec::problem(*out.problem, without_token(request), request.request_id,
                       {}, out.response.status);
    out.problem.reset();
}

} // namespace ks::gate
