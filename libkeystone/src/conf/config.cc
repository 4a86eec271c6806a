#include "conf/config.h"

#include "base/bytes.h"
#include "conf/value.h"

#include <algorithm>
#include <charconv>

namespace ks::conf {

namespace {

constexpr size_t kMinSecret = 32;
constexpr size_t kMaxNodes = 64;
// What an example would show in place of a secret: nobody is to start with it.
constexpr std::string_view kSampleSecret =
    "replace-me-with-the-output-of-openssl-rand";

constexpr std::string_view kLimitNames[] = {"register", "login",   "refresh",
                                            "token",    "whip",    "whep",
                                            "play",     "session", "rtmp"};

using Words = std::vector<std::string>;

Error bad(const std::string &what) {
    return Error(Code::invalid_request, what);
}

std::string quoted(std::string_view s) { return '"' + std::string(s) + '"'; }

Result<int> number(std::string_view text, int min, int max) {
    int n = 0;
    auto [end, ec] = std::from_chars(text.begin(), text.end(), n);
    if (ec != std::errc() || end != text.end() || n < min || n > max) {
        return bad(quoted(text) + " is not a number from " +
                   std::to_string(min) + " to " + std::to_string(max));
    }
    return n;
}

// One value after the name, env: and file: resolved.
Result<std::string> only_value(const Words &words) {
    if (words.size() != 2) {
        return bad(quoted(words[0]) + " takes one value: write " +
                   quoted(words[0] + " VALUE;"));
    }
    return resolve_value(words[1]);
}

Result<void> set_base_url(std::string &into, const Words &words,
                          std::initializer_list<std::string_view> schemes) {
    auto value = only_value(words);
    if (!value) {
        return value.error();
    }
    if (value->empty()) {
        return {};
    }
    while (value->ends_with('/')) {
        value->pop_back();
    }
    for (std::string_view scheme : schemes) {
        std::string start = std::string(scheme) + "://";
        if (value->starts_with(start) && value->size() > start.size() &&
            value->find_first_of(" ?#\"<>") == std::string::npos) {
            into = *value;
            return {};
        }
    }
    return bad(quoted(words[0]) + " is not a base address: write for example " +
               quoted(std::string(*schemes.begin()) + "://live.example.org"));
}

Result<void> set_store(Config &c, const Words &words) {
    auto value = only_value(words);
    if (!value) {
        return value.error();
    }
    if (value->empty()) {
        return {}; // finish() has the default
    }
    if (value->starts_with("postgres://") ||
        value->starts_with("postgresql://")) {
        return bad("\"store\" names PostgreSQL, which this build cannot use: "
                   "write \"store sqlite:/var/lib/keystone/keystone.db;\"");
    }
    if (!value->starts_with("sqlite:") || value->size() == 7) {
        // not quoted back: it may hold a password
        return bad("\"store\" is not an address of a database: write for "
                   "example \"store sqlite:/var/lib/keystone/keystone.db;\"");
    }
    c.store_url = Secret(*value);
    return {};
}

Result<void> set_redis(Config &, const Words &words) {
    auto value = only_value({words[0], words.size() > 1 ? words[1] : ""});
    if (!value) {
        return value.error();
    }
    if (value->empty()) {
        return {};
    }
    return bad("\"redis\" is set, but this build cannot use Redis: remove the "
               "directive, or leave its environment variable empty");
}

Result<void> add_jwt_secret(Config &c, const Words &words) {
    auto value = only_value(words);
    if (!value) {
        return value.error();
    }
    constexpr std::string_view kCure =
        ": make one with \"openssl rand -base64 48\" and pass it as "
        "\"jwt_secret env:JWT_SECRET;\" or \"jwt_secret file:/path;\"";
    Secret secret(trim(*value));
    wipe(value->data(), value->size());
    if (secret.empty()) {
        return {}; // an environment variable that is not set; see finish()
    }
    size_t len = secret.reveal().size();
    if (len < kMinSecret) {
        return bad("\"jwt_secret\" is " + std::to_string(len) +
                   " bytes long, at least " + std::to_string(kMinSecret) +
                   " are needed" + std::string(kCure));
    }
    if (secret.reveal() == kSampleSecret) {
        return bad("\"jwt_secret\" is the sample of the documentation" +
                   std::string(kCure));
    }
    if (c.jwt_secrets.size() == 2) {
        return bad("\"jwt_secret\" stands here for the third time: two are "
                   "accepted, the new one first, then the old one");
    }
    c.jwt_secrets.push_back(std::move(secret));
    return {};
}

Result<void> add_cors_origins(Config &c, const Words &words) {
    for (size_t i = 1; i < words.size(); i++) {
        auto value = resolve_value(words[i]);
        if (!value) {
            return value.error();
        }
        // the environment variable holds a list
        size_t at = 0;
        while (at < value->size()) {
            size_t end =
                std::min(value->find_first_of(", ", at), value->size());
            std::string_view one =
                std::string_view(*value).substr(at, end - at);
            at = end + 1;
            if (one.empty()) {
                continue;
            }
            bool web =
                one.starts_with("https://") || one.starts_with("http://");
            if (!web || one.ends_with('/') ||
                std::count(one.begin(), one.end(), '/') != 2 ||
                one.find('*') != std::string_view::npos) {
                return bad(quoted(one) +
                           " is not an origin: write scheme, host "
                           "and port only, for example "
                           "\"https://app.example.org\" (no wildcard)");
            }
            c.cors_origins.push_back(lower(one));
        }
    }
    return {};
}

bool is_address(std::string_view s) {
    size_t colon = s.rfind(':');
    return colon != std::string_view::npos && colon > 0 &&
           number(s.substr(colon + 1), 1, 65535).ok();
}

Result<void> add_srs_node(Config &c, const Words &words) {
    constexpr std::string_view kForm =
        ": write \"srs_node srs_a api=127.0.0.1:1985 http=127.0.0.1:8080 "
        "rtmp=127.0.0.1:1935 srt=127.0.0.1:10080;\"";
    if (words.size() < 3) {
        return bad("\"srs_node\" needs a name and api=HOST:PORT" +
                   std::string(kForm));
    }
    SrsNode node;
    node.name = words[1];
    auto plain = [](char ch) {
        return ch == '_' || ch == '-' || ch == '.' || is_base62({&ch, 1});
    };
    if (node.name.size() > 31 ||
        !std::all_of(node.name.begin(), node.name.end(), plain)) {
        return bad(quoted(node.name) +
                   " is no name for a node, 1 to 31 of "
                   "[A-Za-z0-9_.-] are" +
                   std::string(kForm));
    }
    for (const SrsNode &other : c.srs_nodes) {
        if (other.name == node.name) {
            return bad("srs_node " + quoted(node.name) +
                       " is duplicate: give each node a name of its own");
        }
    }
    if (c.srs_nodes.size() == kMaxNodes) {
        return bad("more than " + std::to_string(kMaxNodes) + " nodes");
    }
    for (size_t i = 2; i < words.size(); i++) {
        size_t eq = words[i].find('=');
        std::string key = words[i].substr(0, eq);
        auto value = eq == std::string::npos
                         ? Result<std::string>(std::string())
                         : resolve_value(words[i].substr(eq + 1));
        if (!value) {
            return value.error();
        }
        if (!is_address(*value)) {
            return bad(quoted(words[i]) + " is not WHAT=HOST:PORT" +
                       std::string(kForm));
        }
        if (key == "api") {
            node.api = *value;
        } else if (key == "http") {
            node.http = *value;
        } else if (key == "rtmp") {
            node.rtmp = *value;
        } else if (key == "srt") {
            node.srt = *value;
        } else {
            return bad(quoted(key) + " is not known to srs_node" +
                       std::string(kForm));
        }
    }
    if (node.api.empty()) {
        return bad("\"srs_node\" needs api=HOST:PORT" + std::string(kForm));
    }
    c.srs_nodes.push_back(std::move(node));
    return {};
}

// One member of ice_server: key=value.
Result<void> set_ice_value(IceServer &server, const std::string &word,
                           bool *has_ttl) {
    size_t eq = word.find('=');
    std::string key = word.substr(0, eq);
    auto value = eq == std::string::npos ? Result<std::string>(std::string())
                                         : resolve_value(word.substr(eq + 1));
    if (!value) {
        return value.error();
    }
    // they stand in quotes in a header, which OBS splits at , and ;
    bool quotable = value->find_first_of("\"\\,;") == std::string::npos &&
                    std::all_of(value->begin(), value->end(),
                                [](char c) { return c >= ' ' && c <= '~'; });
    if (key == "username" || key == "credential") {
        if (!quotable) {
            return bad("the " + key +
                       " of ice_server has a character that a header cannot "
                       "carry: no quotation mark, backslash, comma or "
                       "semicolon, and ASCII only");
        }
        if (key == "username") {
            server.username = *value;
        } else {
            server.credential = Secret(*value);
        }
    } else if (key == "secret") {
        server.secret = Secret(trim(*value));
    } else if (key == "ttl") {
        auto seconds = number(*value, 60, 7 * 24 * 3600);
        if (!seconds) {
            return bad(seconds.error().detail + ": seconds for \"ttl\"");
        }
        server.ttl_seconds = *seconds;
        *has_ttl = true;
    } else {
        return bad(quoted(key) + " is not known to ice_server, these are: "
                                 "username, credential, secret, ttl");
    }
    wipe(value->data(), value->size());
    return {};
}

Result<void> add_ice_server(Config &c, const Words &words) {
    constexpr std::string_view kForm =
        ": write \"ice_server stun:stun.example.org:3478;\" or \"ice_server "
        "turn:turn.example.org:3478 secret=env:TURN_SECRET;\"";
    if (words.size() < 2) {
        return bad("\"ice_server\" needs an address" + std::string(kForm));
    }
    IceServer server;
    server.url = words[1];
    bool turn =
        server.url.starts_with("turn:") || server.url.starts_with("turns:");
    // OBS splits a Link header at commas and semicolons
    if ((!turn && !server.url.starts_with("stun:")) ||
        server.url.find_first_of(",;<>\" ") != std::string::npos) {
        return bad(quoted(server.url) + " is not a stun: or turn: address" +
                   std::string(kForm));
    }
    bool has_ttl = false;
    for (size_t i = 2; i < words.size(); i++) {
        auto set = set_ice_value(server, words[i], &has_ttl);
        if (!set) {
            return set.error();
        }
    }
    bool pair = !server.username.empty() || !server.credential.empty();
    if (!turn && (pair || words.size() > 2)) {
        return bad(quoted(server.url) +
                   " takes no credentials: only turn: does, remove them");
    }
    if (pair && (!server.secret.empty() || has_ttl)) {
        return bad(quoted(server.url) +
                   " has a fixed username or credential and a secret or ttl: "
                   "keep secret= and ttl=, or username= and credential=");
    }
    bool whole = !server.username.empty() && !server.credential.empty();
    if (turn && !whole && server.secret.empty()) {
        return bad(quoted(server.url) +
                   " needs a secret, or a username and a credential (is the "
                   "environment variable set?)" +
                   std::string(kForm));
    }
    c.ice_servers.push_back(std::move(server));
    return {};
}

// rate_limit login 10r/m burst=5;  rate_limit off;
Result<void> add_rate_limit(Config &c, const Words &words) {
    constexpr std::string_view kForm =
        ": write \"rate_limit login 10r/m burst=5;\" or \"rate_limit off;\"";
    if (words.size() == 2) {
        auto value = resolve_value(words[1]);
        if (!value) {
            return value.error();
        }
        if (*value == "off" || value->empty() || *value == "on") {
            c.rate_limits_off = *value == "off";
            return {};
        }
    }
    if (words.size() < 3 || words.size() > 4) {
        return bad("\"rate_limit\" needs a name and a rate" +
                   std::string(kForm));
    }
    auto known =
        std::find(std::begin(kLimitNames), std::end(kLimitNames), words[1]);
    if (known == std::end(kLimitNames)) {
        std::string names;
        for (std::string_view name : kLimitNames) {
            names += names.empty() ? "" : ", ";
            names += name;
        }
        return bad("rate_limit " + quoted(words[1]) +
                   " is not known, these "
                   "are: " +
                   names);
    }
    RateLimit limit;
    std::string_view rate = words[2];
    bool minute = rate.ends_with("r/m");
    if (!minute && !rate.ends_with("r/s")) {
        return bad(quoted(rate) + " is not a rate such as 10r/m or 5r/s" +
                   std::string(kForm));
    }
    limit.per = minute ? kMinute : kSecond;
    auto count = number(rate.substr(0, rate.size() - 3), 1, 1000000);
    if (!count) {
        return count.error();
    }
    limit.count = *count;
    if (words.size() == 4) {
        if (!words[3].starts_with("burst=")) {
            return bad(quoted(words[3]) + " is not burst=N" +
                       std::string(kForm));
        }
        auto burst = number(std::string_view(words[3]).substr(6), 0, 1000000);
        if (!burst) {
            return burst.error();
        }
        limit.burst = *burst;
    }
    c.rate_limits[words[1]] = limit;
    return {};
}

// In the address of SRS's hooks: .../hooks/srs?k=SECRET
Result<void> add_hook_secret(Config &c, const Words &words) {
    auto value = only_value(words);
    if (!value) {
        return value.error();
    }
    if (value->empty()) {
        return {}; // an environment variable that is not set
    }
    bool plain = std::all_of(value->begin(), value->end(), [](char ch) {
        return ch == '-' || ch == '_' || is_base62({&ch, 1});
    });
    if (value->size() < 16 || value->size() > 128 || !plain) {
        return bad(
            "\"hook_secret\" is 16 to 128 letters, digits, _ and -: make "
            "one with \"openssl rand -hex 24\"");
    }
    if (c.hook_secrets.size() == 2) {
        return bad("more than two \"hook_secret\": one, and the next one while "
                   "it is changed");
    }
    c.hook_secrets.emplace_back(*value);
    return {};
}

Result<void> set_registration(Config &c, const Words &words) {
    auto value = only_value(words);
    if (!value) {
        return value.error();
    }
    if (*value != "open" && *value != "closed") {
        return bad("\"registration\" is \"open\" or \"closed\"");
    }
    c.registration_open = *value == "open";
    return {};
}

} // namespace

Result<void> Config::directive(const Words &words) {
    struct Known {
        std::string_view name;
        bool many;
        Result<void> (*set)(Config &, const Words &);
    };
    static constexpr Known kKnown[] = {
        {"store", false, set_store},
        {"redis", false, set_redis},
        {"jwt_secret", true, add_jwt_secret},
        {"edge_base_url", false,
         [](Config &c, const Words &w) {
             return set_base_url(c.edge_base_url, w, {"https", "http"});
         }},
        {"hls_base_url", false,
         [](Config &c, const Words &w) {
             return set_base_url(c.hls_base_url, w, {"https", "http"});
         }},
        {"rtmp_base_url", false,
         [](Config &c, const Words &w) {
             return set_base_url(c.rtmp_base_url, w, {"rtmp", "rtmps"});
         }},
        {"srt_base_url", false,
         [](Config &c, const Words &w) {
             return set_base_url(c.srt_base_url, w, {"srt"});
         }},
        {"cors_origins", false, add_cors_origins},
        {"hook_secret", true, add_hook_secret},
        {"srs_node", true, add_srs_node},
        {"ice_server", true, add_ice_server},
        {"rate_limit", true, add_rate_limit},
        {"registration", false, set_registration},
    };
    for (const Known &known : kKnown) {
        if (words.empty() || words[0] != known.name) {
            continue;
        }
        if (!known.many) {
            if (std::find(seen_.begin(), seen_.end(), words[0]) !=
                seen_.end()) {
                return bad(quoted(words[0]) +
                           " is duplicate: remove one of the two");
            }
            seen_.push_back(words[0]);
        }
        return known.set(*this, words);
    }
    std::string names = "zone, threads";
    for (const Known &known : kKnown) {
        names += ", ";
        names += known.name;
    }
    return bad("unknown directive " + quoted(words.empty() ? "" : words[0]) +
               " in the keystone block, these are known: " + names);
}

Result<void> Config::finish() {
    if (store_url.empty()) {
        store_url = Secret("sqlite:keystone.db");
    }
    if (jwt_secrets.empty()) {
        return bad("\"jwt_secret\" is missing or empty: make one "
                   "with \"openssl rand -base64 48\" and write "
                   "\"jwt_secret env:JWT_SECRET;\" or \"jwt_secret "
                   "file:/path;\"");
    }
    return {};
}

Config Config::copy() const {
    Config c;
    c.store_url = store_url.copy();
    c.redis = redis;
    c.redis_password = redis_password.copy();
    for (const Secret &s : jwt_secrets) {
        c.jwt_secrets.push_back(s.copy());
    }
    c.edge_base_url = edge_base_url;
    c.hls_base_url = hls_base_url;
    c.rtmp_base_url = rtmp_base_url;
    c.srt_base_url = srt_base_url;
    c.cors_origins = cors_origins;
    for (const Secret &s : hook_secrets) {
        c.hook_secrets.push_back(s.copy());
    }
    c.srs_nodes = srs_nodes;
    for (const IceServer &s : ice_servers) {
        c.ice_servers.push_back({s.url, s.username, s.credential.copy(),
                                 s.secret.copy(), s.ttl_seconds});
    }
    c.rate_limits = rate_limits;
    c.rate_limits_off = rate_limits_off;
    c.registration_open = registration_open;
    return c;
}

} // namespace ks::conf
