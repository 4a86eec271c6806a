#include "conf/redis.h"

#include "codec/uri.h"
#include "conf/words.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace ks::conf {

namespace {

constexpr int kMaxDb = 65535;
constexpr size_t kMaxName = 64;
constexpr size_t kMaxPath = 107; // sockaddr_un, unix(7)

constexpr std::string_view kForms =
    ": write for example \"redis 127.0.0.1:6379;\", \"redis redis://HOST:6379/0"
    ";\", \"redis rediss://HOST:6380;\" or \"redis unix:/run/redis.sock;\", "
    "and the password as \"password=env:REDIS_PASSWORD\"";

// Not quoted back: there may be a password in it.
Error no_address() {
    return bad("\"redis\" has no address of a Redis" + std::string(kForms));
}

bool is_host(std::string_view host) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    return !host.empty() && host.size() <= 253 &&
           host.find_first_not_of(kAllowed) == host.npos;
}

// HOST, HOST:PORT, [::1]:PORT
Result<void> take_host(Redis &redis, std::string_view text) {
    std::string_view host = text;
    std::string_view port;
    size_t close = text.starts_with('[') ? text.find(']') : 0;
    if (close == text.npos) {
        return no_address();
    }
    size_t colon = text.find(':', close);
    if (colon != text.npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        auto number_of = number(port, 1, 65535);
        if (!number_of) {
            return no_address();
        }
        redis.port = port;
    }
    if (close > 0) {
        if (!host.ends_with(']')) {
            return no_address();
        }
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != host.npos) {
        return no_address();
    }
    if (!is_host(host)) {
        return no_address();
    }
    redis.host = host;
    return {};
}

Result<void> take_db(Redis &redis, std::string_view text) {
    auto db = number(text, 0, kMaxDb);
    if (!db) {
        return bad("\"redis\": the number of the database is not one from 0 "
                   "to " +
                   std::to_string(kMaxDb) + ": write \"db=1\"");
    }
    redis.db = *db;
    return {};
}

// [USER[:PASSWORD]@]HOST[:PORT][/DB]
Result<void> take_url(Redis &redis, std::string_view rest) {
    size_t slash = rest.find('/');
    if (slash != rest.npos) {
        std::string_view db = rest.substr(slash + 1);
        if (db.find('@') != db.npos) {
            return bad("\"redis\": user or password in its address has a "
                       "\"/\": write \"%2F\", or the password as "
                       "\"password=env:REDIS_PASSWORD\"");
        }
        if (!db.empty()) {
            auto taken = take_db(redis, db);
            if (!taken) {
                return taken;
            }
        }
        rest = rest.substr(0, slash);
    }
    size_t at = rest.rfind('@');
    if (at != rest.npos) {
        std::string_view who = rest.substr(0, at);
        size_t colon = who.find(':');
        auto user = codec::percent_decode(who.substr(0, colon));
        auto password = codec::percent_decode(
            colon == who.npos ? std::string_view() : who.substr(colon + 1));
        if (!user || !password) {
            return bad("\"redis\": user or password in its address has a \"%\" "
                       "that is no escape: write \"%25\"");
        }
        redis.user = *user;
        redis.password = Secret(*password);
        wipe(password->data(), password->size());
        rest = rest.substr(at + 1);
    }
    return take_host(redis, rest);
}

Result<void> take_path(Redis &redis, std::string_view path) {
    if (!path.starts_with('/') || path.size() > kMaxPath) {
        return bad("\"redis unix:\" needs the whole path of a socket, of at "
                   "most " +
                   std::to_string(kMaxPath) +
                   " bytes: write \"redis unix:/run/redis/redis.sock;\"");
    }
    redis.path = path;
    return {};
}

Result<void> take_address(Redis &redis, std::string_view text) {
    if (text.starts_with("unix:")) {
        return take_path(redis, text.substr(5));
    }
    if (text.starts_with("redis://")) {
        return take_url(redis, text.substr(8));
    }
    if (text.starts_with("rediss://")) {
        redis.tls = true;
        return take_url(redis, text.substr(9));
    }
    return take_host(redis, text);
}

// 500ms or 1s
Result<void> take_timeout(Redis &redis, std::string_view text) {
    bool millis = text.ends_with("ms");
    auto n =
        number(text.substr(0, text.size() - std::min<size_t>(text.size(),
                                                             millis ? 2 : 1)),
               1, 10'000);
    Millis time = n ? (millis ? *n : *n * kSecond) : 0;
    if (!text.ends_with('s') || time < 50 || time > 10 * kSecond) {
        return bad("timeout of \"redis\" is a time from 50ms to 10s");
    }
    redis.timeout = time;
    return {};
}

// A word that goes into keys or names of a client.
Result<void> take_word(std::string &into, std::string_view what,
                       std::string_view text) {
    bool plain = std::all_of(text.begin(), text.end(),
                             [](char c) { return c > ' ' && c < 0x7f; });
    if (text.empty() || text.size() > kMaxName || !plain) {
        return bad(std::string(what) + " of \"redis\" is a word of at most " +
                   std::to_string(kMaxName) + " characters without blanks");
    }
    into = text;
    return {};
}

Result<void> take_tls(Redis &redis, std::string_view text) {
    if (text != "on" && text != "off") {
        return bad("tls of \"redis\" is \"on\" or \"off\"");
    }
    redis.tls = text == "on";
    return {};
}

Result<void> take_ca(Redis &redis, const std::string &text) {
    if (access(text.c_str(), R_OK) != 0) {
        return bad("ca of \"redis\": cannot read " + quoted(text) + ": " +
                   std::strerror(errno));
    }
    redis.ca = text;
    return {};
}

Result<void> take_option(Redis &redis, std::string_view name,
                         std::string &value) {
    if (name == "password") {
        redis.password = Secret(value);
        wipe(value.data(), value.size());
        return {};
    }
    if (name == "user") {
        return take_word(redis.user, name, value);
    }
    if (name == "db") {
        return take_db(redis, value);
    }
    if (name == "tls") {
        return take_tls(redis, value);
    }
    if (name == "ca") {
        return take_ca(redis, value);
    }
    if (name == "name") {
        return take_word(redis.name, name, value);
    }
    if (name == "prefix") {
        return take_word(redis.prefix, name, value);
    }
    return take_timeout(redis, value);
}

constexpr std::string_view kOptions[] = {
    "password", "user", "db", "tls", "ca", "name", "prefix", "timeout"};

Result<void> take_options(Redis &redis, const Words &words) {
    std::vector<std::string> seen;
    for (size_t i = 2; i < words.size(); i++) {
        std::string_view word = words[i];
        size_t equals = word.find('=');
        std::string_view name = word.substr(0, equals);
        bool known = std::find(std::begin(kOptions), std::end(kOptions),
                               name) != std::end(kOptions);
        if (equals == word.npos || !known) {
            // not quoted back: it may be a password without its name
            return bad("\"redis\" takes one address, then password=, user=, "
                       "db=, tls=, ca=, name=, prefix= and timeout=" +
                       std::string(kForms));
        }
        auto once = note_once(seen, "redis", name);
        if (!once) {
            return once;
        }
        auto value = resolve_value(word.substr(equals + 1));
        if (!value) {
            return std::move(value.error());
        }
        if (value->empty()) {
            continue; // a variable that is not set
        }
        auto taken = take_option(redis, name, *value);
        if (!taken) {
            return taken;
        }
    }
    return {};
}

} // namespace

std::string Redis::address() const {
    if (!path.empty()) {
        return "unix:" + path;
    }
    bool six = host.find(':') != host.npos;
    return (six ? '[' + host + ']' : host) + ':' + port;
}

Redis Redis::copy() const {
    return {path, host, port, user,   password.copy(), db,
            tls,  ca,   name, prefix, timeout};
}

Result<void> set_redis(Redis &redis, const Words &words) {
    if (words.size() < 2) {
        return no_address();
    }
    auto address = resolve_value(words[1]);
    if (!address) {
        return std::move(address.error());
    }
    Redis made;
    if (!address->empty()) {
        auto taken = take_address(made, *address);
        wipe(address->data(), address->size());
        if (!taken) {
            return taken;
        }
    }
    bool secure = made.tls; // by its address
    auto taken = take_options(made, words);
    if (!taken) {
        return taken;
    }
    if (secure && !made.tls) {
        return bad("\"redis\": its address begins with \"rediss:\", that is "
                   "TLS, and \"tls=off\" is none: remove one of the two");
    }
    if (made.tls && !made.path.empty()) {
        return bad("\"redis\": there is no TLS on a unix socket: remove "
                   "\"tls=on\"");
    }
    if (!made.ca.empty() && !made.tls && made.used()) {
        return bad("\"redis\": \"ca=\" means nothing without \"tls=on\" or "
                   "an address with \"rediss:\"");
    }
    if (!made.user.empty() && made.password.empty() && made.used()) {
        return bad("\"redis\": \"user=\" needs a password: add "
                   "\"password=env:REDIS_PASSWORD\"");
    }
    redis = std::move(made);
    return {};
}

} // namespace ks::conf
