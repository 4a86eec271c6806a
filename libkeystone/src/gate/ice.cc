#include "gate/ice.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace ks::gate {

TurnLogin turn_login(const conf::IceServer &server, std::string_view who,
                     WallMs now) {
    if (server.secret.empty()) {
        return {server.username, std::string(server.credential.reveal())};
    }
    TurnLogin login;
    login.username = std::to_string(now / kSecond + server.ttl_seconds);
    login.username += ':';
    login.username += who;
    login.credential =
        base64_encode(hmac_sha1(server.secret.reveal(), login.username));
    return login;
}

// A header each: OBS does not split a list (W-31).
void add_ice_servers(const conf::Config &config, bool credentials,
                     std::string_view who, WallMs now,
                     codec::Response &response) {
    for (const conf::IceServer &server : config.ice_servers) {
        std::string link = "<" + server.url + ">; rel=\"ice-server\"";
        if (!server.is_open()) {
            if (!credentials) {
                continue;
            }
            TurnLogin login = turn_login(server, who, now);
            link += "; username=\"" + login.username + "\"; credential=\"" +
                    login.credential + "\"; credential-type=\"password\"";
        }
        response.add("Link", link);
    }
}

} // namespace ks::gate
