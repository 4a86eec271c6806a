// Which handler a method and a path mean.  A new resource is a line in
// routes.cc.
#pragma once

#include "api/call.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ks::api {

enum class Auth : uint8_t {
    none, // or looked at by the handler itself
    user,
    admin,
    srs // the secret in the address of a hook
};

enum class Body : uint8_t {
    none,     // one that comes all the same is ignored
    optional, // a JSON object or nothing
    required
};

enum class Replays : uint8_t { no, yes }; // Idempotency-Key is honoured

using Handler = rt::Task<codec::Response> (*)(Context &, Call &);
// The answer, if it takes neither I/O nor waiting.
using Fast = std::optional<codec::Response> (*)(Context &,
                                                const codec::RequestView &,
                                                const Ask &, Labels &);

struct Route {
    std::string_view method;
    std::string_view path; // below /v1/, {id} stands for one segment
    Auth auth;
    Body body;
    Handler run;
    Fast fast = nullptr;
    Replays replays = Replays::no;
    // Name of its rate limit (gate/limits.h): per user, or per address where
    // nobody is known; empty: none.
    std::string_view limit = {};
};

std::span<const Route> routes();

struct Match {
    static constexpr size_t kMaxMethods = 8;

    const Route *route = nullptr; // path and method fit
    bool path_known = false;      // the path fits some route
    std::string_view id;
    std::array<std::string_view, kMaxMethods> methods; // of the path
    size_t nmethods = 0;

    // For Allow and for preflights: with HEAD where GET is, and OPTIONS.
    std::string allowed() const;
};

struct Place {
    std::string_view mount; // "/api", "": fit for a header
    std::string_view path;  // below /v1/
};

// By the location's prefix, never by what the client put further behind.
// Nothing: there is no API at this path.
std::optional<Place> place_of(const codec::RequestView &request);

// To tell requests apart that have a place: what stands after the first
// "/v1/".  Never for what goes into an answer.
std::optional<std::string_view> below_v1(std::string_view uri);

Match match(std::span<const Route> table, std::string_view method,
            std::string_view path);

} // namespace ks::api
