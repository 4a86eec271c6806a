#include "conf/media.h"

#include "base/bytes.h"

#include <algorithm>

namespace ks::conf {

namespace {

constexpr size_t kMaxNodes = 64;

bool is_address(std::string_view s) {
    size_t colon = s.rfind(':');
    return colon != std::string_view::npos && colon > 0 &&
           number(s.substr(colon + 1), 1, 65535).ok();
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

} // namespace

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

} // namespace ks::conf
