// Whether an address answers, and who else may reach it.
#pragma once

#include "base/time.h"
#include "net/http_client.h"

#include <string>
#include <string_view>

namespace ks::ctl {

// "" when a TCP connection to HOST:PORT comes about in time, else why not.
std::string try_connect(const std::string &address, Millis limit);

// One request; waits for its answer.
Result<net::HttpAnswer> http_ask(net::HttpAsk ask);

enum class Scope { unknown, loopback, local, everybody };

// Of a host's addresses the one with the widest.  "local": RFC 1918, carrier
// grade NAT, link local, fc00::/7.  unknown: no address of it is to be had.
Scope scope_of(const std::string &host);
// An address, not a name that has to be looked up.
bool is_numeric(const std::string &host);

struct HostPort {
    std::string host; // without brackets
    std::string port;
};
// "127.0.0.1:80", "[::1]:80", ":80"; a number alone is a port.
HostPort split_address(std::string_view address);

} // namespace ks::ctl
