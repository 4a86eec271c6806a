#include "sql/postgres_url.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <libpq-fe.h>
#include <memory>
#include <unistd.h>

namespace ks::sql {

namespace {

constexpr size_t kMaxHosts = 8;
constexpr int kMaxConnectSeconds = 30;
// Where Debian's server listens and its libpq looks.
constexpr const char *kSocketDirectory = "/var/run/postgresql";

struct OptionsFree {
    void operator()(PQconninfoOption *o) const { PQconninfoFree(o); }
};

Error bad(const std::string &what) {
    return Error(Code::invalid_request, "the store's URL " + what);
}

// The form, for whoever got it wrong.
constexpr const char *kForm =
    "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with all but "
    "letters, digits and -._~ of the password as %XX, or \"host=HOST "
    "dbname=DATABASE user=USER password='PASSWORD'\"";

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> out(1);
    for (char c : list) {
        if (c == ',') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

// What shows up in the log as the host may be the rest of a password that was
// cut at its "@", ":" or "/".
bool is_host(std::string_view text, bool uri) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:%-";
    if (text.starts_with('/')) {
        return !uri || text.find('@') == text.npos;
    }
    if (text.starts_with('@') && !uri) { // an abstract socket
        text.remove_prefix(1);
    }
    return text.find_first_not_of(kAllowed) == text.npos;
}

bool is_database(std::string_view text, bool uri) {
    return text.find("://") == text.npos &&
           (!uri || text.find('@') == text.npos);
}

// The parameter of a URI that libpq does not know.  Nothing where it may be a
// part of a password: behind one, or before an "@".
std::string unknown_keyword(std::string_view text) {
    size_t at = text.find('?');
    bool uri = text.find("://") < text.find('=');
    if (!uri || at == text.npos || text.find('@', at) != text.npos) {
        return "";
    }
    std::unique_ptr<PQconninfoOption, OptionsFree> known(PQconndefaults());
    std::string_view rest = text.substr(at + 1);
    while (known && !rest.empty()) {
        std::string_view word = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        std::string_view name = word.substr(0, word.find('='));
        const PQconninfoOption *o = known.get();
        while (o->keyword != nullptr && name != o->keyword) {
            o++;
        }
        bool plain =
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos;
        if (name.find("password") != name.npos || name.size() == word.size() ||
            name.size() > 32 || !plain) {
            return "";
        }
        if (o->keyword == nullptr && name != "ssl") {
            return std::string(name);
        }
    }
    return "";
}

bool is_sslmode(std::string_view text) {
    for (const char *mode : {"disable", "allow", "prefer", "require",
                             "verify-ca", "verify-full"}) {
        if (text == mode) {
            return true;
        }
    }
    return false;
}

bool is_port(const std::string &text) {
    int n = 0;
    auto [end, failed] = std::from_chars(text.data(), &*text.end(), n);
    return failed == std::errc() && end == &*text.end() && n > 0 && n < 65536;
}

} // namespace

std::string PostgresHost::label() const {
    if (is_socket()) {
        return port == "5432" ? name : name + " port " + port;
    }
    const std::string &text = name.empty() ? address : name;
    bool v6 = text.find(':') != std::string::npos;
    return (v6 ? '[' + text + ']' : text) + ':' + port;
}

bool PostgresUrl::claims(std::string_view text) {
    return text.starts_with("postgres:") || text.starts_with("postgresql:") ||
           (text.find('=') != std::string_view::npos &&
            text.find(':') > text.find('='));
}

Result<PostgresUrl> PostgresUrl::parse(std::string_view text) {
    std::string copy(text);
    char *why = nullptr;
    std::unique_ptr<PQconninfoOption, OptionsFree> options(
        PQconninfoParse(copy.c_str(), &why));
    bool whole = copy.find('\0') == std::string::npos;
    std::string unknown = options ? "" : unknown_keyword(copy);
    wipe(copy.data(), copy.size());
    if (why != nullptr) {
        PQfreemem(why); // it quotes what it does not understand
    }
    if (!unknown.empty()) {
        return bad("has the parameter \"" + unknown +
                   "\", which libpq does not know: " + kForm);
    }
    if (!options || !whole) {
        return bad(std::string("is none of PostgreSQL: ") + kForm);
    }
    PostgresUrl url;
    for (PQconninfoOption *o = options.get(); o->keyword != nullptr; o++) {
        if (o->val != nullptr && *o->val != '\0') {
            auto taken = url.take(o->keyword, o->val);
            if (!taken) {
                return std::move(taken.error());
            }
        }
    }
    auto done = url.finish(text.find("://") < text.find('='));
    if (!done) {
        return std::move(done.error());
    }
    return url;
}

Result<void> PostgresUrl::take(const std::string &keyword, const char *value) {
    if (keyword == "host") {
        name_ = value;
    } else if (keyword == "hostaddr") {
        address_ = value;
    } else if (keyword == "port") {
        port_ = value;
    } else if (keyword == "target_session_attrs") {
        session_attrs_ = value;
        if (session_attrs_ != "any" && session_attrs_ != "primary" &&
            session_attrs_ != "read-write") {
            return bad("asks for target_session_attrs that do not do, as "
                       "Keystone writes: use read-write, primary or any");
        }
    } else if (keyword == "connect_timeout") {
        std::string_view text = value;
        int seconds = 0;
        std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (seconds < 1 || seconds > kMaxConnectSeconds) {
            return bad("has no connect_timeout from 1 to " +
                       std::to_string(kMaxConnectSeconds) + " (seconds)");
        }
        connect_timeout_ = seconds * kSecond;
    } else if (keyword == "sslmode" && !is_sslmode(value)) {
        return bad("has an sslmode that is none: use disable, allow, prefer, "
                   "require, verify-ca or verify-full");
    } else if (keyword == "service" || keyword == "replication") {
        return bad("uses " + keyword + "=, which Keystone cannot: " + kForm);
    } else {
        words_.emplace_back(keyword, Secret(value));
    }
    return {};
}

Result<void> PostgresUrl::finish(bool uri) {
    auto names = split(name_), addresses = split(address_),
         ports = split(port_);
    size_t count = std::max(names.size(), addresses.size());
    if (count > kMaxHosts ||
        (!address_.empty() && !name_.empty() &&
         names.size() != addresses.size()) ||
        (ports.size() > 1 && ports.size() != count)) {
        return bad("names " + std::to_string(count) + " hosts and " +
                   std::to_string(ports.size()) +
                   " ports: give each host one port, and at most " +
                   std::to_string(kMaxHosts) + " hosts");
    }
    for (size_t i = 0; i < count; i++) {
        PostgresHost host;
        host.name = i < names.size() ? names[i] : "";
        host.address = i < addresses.size() ? addresses[i] : "";
        host.port = ports.size() > 1 ? ports[i] : ports[0];
        if (host.port.empty()) {
            host.port = "5432";
        }
        if (!is_port(host.port)) {
            return bad("has a port that is no number from 1 to 65535: " +
                       std::string(kForm));
        }
        if (!is_host(host.name, uri) || !is_host(host.address, uri)) {
            return bad("has a host that is neither a name nor an address: " +
                       std::string(kForm));
        }
        if (host.name.empty() && host.address.empty()) {
            host.name = kSocketDirectory;
        }
        hosts_.push_back(std::move(host));
    }
    const char *database = find("dbname");
    if (database != nullptr && !is_database(database, uri)) {
        return bad("has a database with \"@\" or \"://\" in its name: " +
                   std::string(kForm));
    }
    if (session_attrs_.empty()) {
        session_attrs_ = hosts_.size() > 1 ? "read-write" : "any";
    }
    return {};
}

Result<void> PostgresUrl::check_files() const {
    const char *file = find("sslrootcert");
    const char *mode = find("sslmode");
    bool none = mode != nullptr && std::string_view(mode) == "disable";
    if (file == nullptr || none || std::string_view(file) == "system" ||
        access(file, R_OK) == 0) {
        return {};
    }
    return bad("names a file with sslrootcert= that cannot be read (" +
               std::string(std::strerror(errno)) +
               "): name the certificate of the server's authority");
}

const char *PostgresUrl::find(std::string_view keyword) const {
    for (const auto &[name, value] : words_) {
        if (name == keyword) {
            return value.reveal().data(); // ends with NUL, as std::string does
        }
    }
    return nullptr;
}

std::string PostgresUrl::shown() const {
    std::string text = "postgresql://";
    for (const PostgresHost &host : hosts_) {
        text += &host == hosts_.data() ? "" : ",";
        text += host.label();
    }
    const char *database = find("dbname");
    return database != nullptr ? text + '/' + database : text;
}

} // namespace ks::sql
