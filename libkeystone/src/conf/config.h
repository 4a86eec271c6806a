// What the keystone { } block says, checked.  One Config a process.
#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "conf/redis.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ks::conf {

struct SrsNode {
    std::string name; // also the name of the upstream for proxy_pass
    std::string api;  // host:port
    std::string http;
    std::string rtmp;
    std::string srt;
};

// stun: has no credentials; turn: has either a fixed pair or a secret that it
// shares with the TURN server, of which a pair is made for each client.
struct IceServer {
    std::string url;
    std::string username;
    Secret credential;
    Secret secret;
    int ttl_seconds = 3600;

    bool is_open() const { return username.empty() && secret.empty(); }
};

struct RateLimit {
    int count = 0; // 0: off
    Millis per = kMinute;
    int burst = 0;
};

// For PostgreSQL, of each worker; a SQLite file takes no notice.
struct StoreLimits {
    int pool = 4;    // connections
    int queue = 500; // who may wait for one
    Millis timeout = 5 * kSecond;
    bool pooler = false; // a pooler in transaction mode stands between
};

struct Config {
    Secret store_url; // may hold a password
    StoreLimits store;
    Redis redis;                     // not used() without the directive
    std::vector<Secret> jwt_secrets; // the first signs, all verify; at most 2
    std::string edge_base_url;       // https://live.example.org, no slash
    std::string hls_base_url;
    std::string rtmp_base_url;
    std::string srt_base_url;
    std::vector<std::string> cors_origins; // exact; "*" is refused
    std::vector<Secret> hook_secrets;      // any of them; empty: no hooks
    std::vector<SrsNode> srs_nodes;
    std::vector<IceServer> ice_servers;
    std::map<std::string, RateLimit, std::less<>> rate_limits; // by name
    bool rate_limits_off = false;
    bool registration_open = true;

    // One directive; words[0] is the name.
    Result<void> directive(const std::vector<std::string> &words);
    // Defaults, and what only shows as a whole.
    Result<void> finish();

    // Others may be at the same store: they share who is live, who is kept out,
    // whose a session is.
    bool several_hosts() const;

    Config copy() const;

  private:
    std::vector<std::string> seen_; // names that may stand once only
};

} // namespace ks::conf
