#include "conf/store.h"

namespace ks::conf {

namespace {

constexpr int kMaxPool = 100;
constexpr int kMaxQueue = 100'000;
constexpr int kMaxSeconds = 60;

constexpr const char *kForm =
    ": write for example \"store sqlite:/var/lib/keystone/keystone.db;\" or "
    "\"store postgresql://USER:PASSWORD@HOST/DATABASE pool=4;\"";

// 500ms, 5s or 5.
Result<Millis> time_of(std::string_view text) {
    Millis unit = kSecond;
    if (text.ends_with("ms")) {
        text.remove_suffix(2);
        unit = 1;
    } else if (text.ends_with('s')) {
        text.remove_suffix(1);
    }
    int most = static_cast<int>(kMaxSeconds * kSecond / unit);
    auto n = number(text, unit == 1 ? 100 : 1, most);
    if (!n) {
        return bad("\"timeout\" of \"store\" is a time from 100ms to 60s");
    }
    return *n * unit;
}

Result<void> set_limit(StoreLimits &limits, const std::string &word) {
    size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    std::string_view value = std::string_view(word).substr(
        equals == std::string::npos ? word.size() : equals + 1);
    if (name == "pool" || name == "queue") {
        auto n = number(value, 1, name == "pool" ? kMaxPool : kMaxQueue);
        if (!n) {
            return bad(quoted(name) + " of \"store\": " + n.error().detail);
        }
        (name == "pool" ? limits.pool : limits.queue) = *n;
        return {};
    }
    if (name == "timeout") {
        auto time = time_of(value);
        if (!time) {
            return std::move(time.error());
        }
        limits.timeout = *time;
        return {};
    }
    if (name == "pooler") {
        if (value != "transaction" && value != "session") {
            return bad("\"pooler\" of \"store\" is \"transaction\" or "
                       "\"session\"");
        }
        limits.pooler = value == "transaction";
        return {};
    }
    // not quoted back: it may be a part of an address, with its password
    return bad("\"store\" takes one address, then pool=N, queue=N, "
               "timeout=TIME and pooler=transaction; an address with blanks "
               "stands in quotes");
}

Result<void> set_limits(StoreLimits &limits, const Words &words) {
    std::vector<std::string> seen;
    for (size_t i = 2; i < words.size(); i++) {
        auto set = set_limit(limits, words[i]);
        if (!set) {
            return set;
        }
        auto once =
            note_once(seen, "store", words[i].substr(0, words[i].find('=')));
        if (!once) {
            return once;
        }
    }
    // One from a variable may be a file on this machine and not on the next.
    if (!seen.empty() && words[1].starts_with("sqlite:")) {
        return bad(quoted(seen[0] + '=') +
                   " of \"store\" is for PostgreSQL: remove it, a SQLite file "
                   "has no connections");
    }
    return {};
}

// An empty one is no wish for the default: it would start on a new file, where
// the first to come is the administrator.
Error no_address(std::string_view word) {
    constexpr const char *kCure =
        "put an address into it, sqlite:/var/lib/keystone/keystone.db or "
        "postgresql://USER:PASSWORD@HOST/DATABASE";
    if (word.starts_with("env:")) {
        return bad("\"store\": the environment variable " +
                   std::string(word.substr(4)) +
                   " is not set, or empty, where nginx is started: " + kCure);
    }
    if (word.starts_with("file:")) {
        return bad("\"store\": the file " + quoted(word.substr(5)) +
                   " is empty: " + kCure);
    }
    return bad(std::string("\"store\" has an empty address") + kForm);
}

bool is_address(std::string_view text) {
    if (text.starts_with("sqlite:")) {
        return text.size() > 7;
    }
    // a URI, or what libpq calls a connection string
    return text.starts_with("postgres://") ||
           text.starts_with("postgresql://") ||
           (text.find('=') != std::string_view::npos &&
            text.find(':') > text.find('='));
}

} // namespace

Result<void> set_store(Config &c, const Words &words) {
    if (words.size() < 2) {
        return bad(std::string("\"store\" needs an address") + kForm);
    }
    auto value = only_value({words[0], words[1]});
    if (!value) {
        return value.error();
    }
    auto set = set_limits(c.store, words);
    if (!set) {
        return set;
    }
    if (value->empty()) {
        return no_address(words[1]);
    }
    if (!is_address(*value)) {
        // not quoted back: it may hold a password
        return bad(std::string("\"store\" is not an address of a database") +
                   kForm);
    }
    c.store_url = Secret(*value);
    wipe(value->data(), value->size());
    return {};
}

} // namespace ks::conf
