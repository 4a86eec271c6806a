#include "api/router.h"

#include <algorithm>

namespace ks::api {

namespace {

constexpr std::string_view kBase = "/v1/";

// Takes the part before the next '/'; the rest stays in `path`.
std::string_view segment(std::string_view &path) {
    size_t slash = path.find('/');
    std::string_view first = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view()
                                           : path.substr(slash);
    return first;
}

bool fits(std::string_view pattern, std::string_view path,
          std::string_view &id) {
    if (pattern.empty() || path.empty() || pattern[0] != path[0]) {
        return false; // most end here; no pattern starts with {id}
    }
    for (;;) {
        std::string_view want = segment(pattern);
        std::string_view have = segment(path);
        if (want == "{id}") {
            if (have.empty()) {
                return false;
            }
            id = have;
        } else if (want != have) {
            return false;
        }
        if (pattern.empty() || path.empty()) {
            return pattern.empty() && path.empty();
        }
        pattern.remove_prefix(1);
        path.remove_prefix(1);
    }
}

// Where "/v1/" begins: in the location's own prefix (/v1/, /api/v1/auth/) or
// right behind it.  Anywhere else in the path it is the client's.
std::optional<size_t> base_of(std::string_view uri, size_t prefix_len) {
    if (prefix_len == 0) { // nobody said: the places the documents name
        for (std::string_view mount : {"", "/api"}) {
            if (uri.starts_with(mount) &&
                uri.substr(mount.size()).starts_with(kBase)) {
                return mount.size();
            }
        }
        return std::nullopt;
    }
    size_t end = std::min(prefix_len, uri.size());
    if (uri.substr(0, end).ends_with('/')) {
        end--; // location /api/ is the mount /api
    }
    size_t at = uri.substr(0, end + 1).rfind(kBase);
    if (at != std::string_view::npos) {
        return at;
    }
    if (uri.substr(end).starts_with(kBase)) {
        return end;
    }
    return std::nullopt;
}

// The mount goes into Location and into the Path of the cookie.
bool fit_for_headers(std::string_view mount) {
    auto bad = [](char c) {
        auto u = static_cast<unsigned char>(c);
        return u < ' ' || u == 0x7f || c == ';';
    };
    return std::none_of(mount.begin(), mount.end(), bad);
}

} // namespace

std::optional<Place> place_of(const codec::RequestView &request) {
    auto at = base_of(request.uri, request.prefix_len);
    if (!at || !fit_for_headers(request.uri.substr(0, *at))) {
        return std::nullopt;
    }
    return Place{request.uri.substr(0, *at),
                 request.uri.substr(*at + kBase.size())};
}

std::optional<std::string_view> below_v1(std::string_view uri) {
    size_t at = uri.find(kBase);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    return uri.substr(at + kBase.size());
}

Match match(std::span<const Route> table, std::string_view method,
            std::string_view path) {
    std::string_view wanted = method == "HEAD" ? "GET" : method;
    Match found;
    for (const Route &route : table) {
        std::string_view id;
        if (!fits(route.path, path, id)) {
            continue;
        }
        found.path_known = true;
        found.id = id;
        if (route.method == wanted) {
            found.route = &route;
            return found;
        }
        if (found.nmethods < Match::kMaxMethods) {
            found.methods[found.nmethods++] = route.method;
        }
    }
    return found;
}

std::string Match::allowed() const {
    std::string text;
    for (size_t i = 0; i < nmethods; i++) {
        text += methods[i];
        text += methods[i] == "GET" ? ", HEAD, " : ", ";
    }
    return text + "OPTIONS";
}

} // namespace ks::api
