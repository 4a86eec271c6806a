// STUN and TURN servers for a client: one Link header each (RFC 9725, 4.6).
#pragma once

#include "base/time.h"
#include "codec/http.h"
#include "conf/config.h"

#include <string>
#include <string_view>

namespace ks::gate {

// Relaying costs whoever pays for the TURN server: `credentials` is for a
// client that was let in, without it only servers that need none are named.
void add_ice_servers(const conf::Config &config, bool credentials,
                     std::string_view who, WallMs now,
                     codec::Response &response);

// "A REST API for access to TURN services", as coturn has it with
// use-auth-secret: the name is `who` after the second it expires.
struct TurnLogin {
    std::string username;
    std::string credential;
};
TurnLogin turn_login(const conf::IceServer &server, std::string_view who,
                     WallMs now);

} // namespace ks::gate
