#include "conf/config.h"

#include "base/bytes.h"
#include "conf/media.h"
#include "conf/store.h"
#include "conf/words.h"

#include <algorithm>

namespace ks::conf {

namespace {

constexpr size_t kMinSecret = 32;
// What an example would show in place of a secret: nobody is to start with it.
constexpr std::string_view kSampleSecret =
    "replace-me-with-the-output-of-openssl-rand";

constexpr std::string_view kLimitNames[] = {"register", "login",   "refresh",
                                            "token",    "whip",    "whep",
                                            "play",     "session", "rtmp"};

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
        {"redis", false,
         [](Config &c, const Words &w) { return set_redis(c.redis, w); }},
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

bool Config::several_hosts() const {
    return redis.used() || !store_url.reveal().starts_with("sqlite:");
}

Config Config::copy() const {
    Config c;
    c.store_url = store_url.copy();
    c.store = store;
    c.redis = redis.copy();
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
