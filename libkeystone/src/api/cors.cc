#include "api/cors.h"

#include "base/bytes.h"

#include <algorithm>

namespace ks::api {

namespace {

// As the browser writes it: scheme and host in lower case, no default port.
bool configured(const conf::Config &config, std::string_view origin) {
    const auto &list = config.cors_origins;
    return std::find(list.begin(), list.end(), origin) != list.end();
}

} // namespace

void add_cors(const conf::Config &config, const codec::RequestView &request,
              codec::Response &response) {
    if (config.cors_origins.empty()) {
        return;
    }
    response.add("Vary", "Origin");
    std::string_view origin = request.header("Origin");
    if (origin.empty() || !configured(config, origin)) {
        return;
    }
    response.add("Access-Control-Allow-Origin", origin);
    response.add("Access-Control-Allow-Credentials", "true");
    response.add("Access-Control-Expose-Headers",
                 "ETag, Location, X-Request-Id, Retry-After, RateLimit, "
                 "RateLimit-Policy, Idempotency-Replayed, WWW-Authenticate");
}

bool is_preflight(const codec::RequestView &request) {
    return request.method == "OPTIONS" && !request.header("Origin").empty() &&
           !request.header("Access-Control-Request-Method").empty();
}

codec::Response preflight(const conf::Config &config,
                          const codec::RequestView &request,
                          std::string_view allowed) {
    codec::Response response;
    response.status = 204;
    if (configured(config, request.header("Origin"))) {
        response.add("Access-Control-Allow-Methods", allowed);
        response.add("Access-Control-Allow-Headers",
                     "Authorization, Content-Type, Idempotency-Key, If-Match, "
                     "If-None-Match, X-Request-Id");
        response.add("Access-Control-Max-Age", "600");
    }
    return response;
}

bool origin_is_ours(const conf::Config &config,
                    const codec::RequestView &request) {
    std::string_view origin = request.header("Origin");
    if (origin.empty() || configured(config, origin) ||
        origin == config.edge_base_url) {
        return true;
    }
    std::string own(request.scheme);
    own += "://";
    own += request.header("Host");
    return iequals(origin, own);
}

} // namespace ks::api
