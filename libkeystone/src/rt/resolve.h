// The addresses of a name of the configuration.  A number is taken as it is;
// a name is looked up on a thread of a pool for names.
#pragma once

#include "rt/task.h"

#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace ks::rt {

struct Address {
    sockaddr_storage text{};
    socklen_t len = 0;

    const sockaddr *get() const {
        return reinterpret_cast<const sockaddr *>(&text);
    }
    std::string number() const; // 127.0.0.1, ::1
};

struct HostPort {
    std::string host; // without brackets
    std::string port; // a number
};

// "[::1]:1985", "srs:1985"
HostPort split_host_port(std::string_view text);

// All it has, as one may be of a family that the server does not listen on;
// never none.  What was found within the last two seconds is given again, and
// older ones until a slow resolver is done; a name that is not known is
// upstream_timeout.  Slow names keep others waiting only when there are as many as
// the pool has threads, and only those that were not found before.
Task<Result<std::vector<Address>>> resolve(HostPort where,
                                           Hold hold = Hold::worker);

} // namespace ks::rt
