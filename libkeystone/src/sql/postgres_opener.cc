#include "sql/postgres_opener.h"

#include "rt/resolve.h"
#include "rt/wait.h"
#include "sql/postgres_asking.h"

namespace ks::sql {

PostgresOpener::PostgresOpener(PostgresUrl url, const Options &options)
    : url_(std::move(url)) {
    // A statement is stopped by the server a little before we stop waiting,
    // so that the connection can be kept.  A pooler refuses the parameter.
    if (!options.pooler) {
        startup_ =
            "-c statement_timeout=" + std::to_string(statement_limit(options)) +
            " -c idle_in_transaction_session_timeout=" +
            std::to_string(2 * options.timeout);
    }
    if (const char *own = url_.find("options")) {
        startup_ += startup_.empty() ? "" : " ";
        startup_ += own;
    }
    user_timeout_ = std::to_string(options.timeout);
}

PostgresWords PostgresOpener::words_of(const PostgresHost &host,
                                       const std::string &address) const {
    PostgresWords words;
    for (const auto &[keyword, value] : url_.words()) {
        if (keyword != "options") {
            words.emplace_back(keyword.c_str(), value.reveal().data());
        }
    }
    constexpr std::pair<const char *, const char *> kDefaults[] = {
        {"application_name", "keystone"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "3"},
        {"keepalives_count", "3"},
    };
    for (auto word : kDefaults) {
        if (url_.find(word.first) == nullptr) {
            words.push_back(word);
        }
    }
    if (url_.find("tcp_user_timeout") == nullptr) {
        words.emplace_back("tcp_user_timeout", user_timeout_.c_str());
    }
    words.emplace_back("client_encoding", "UTF8");
    // Kerberos' caches are files, and reading them blocks.
    words.emplace_back("gssencmode", "disable");
    words.emplace_back("target_session_attrs", url_.session_attrs().c_str());
    words.emplace_back("port", host.port.c_str());
    if (!startup_.empty()) {
        words.emplace_back("options", startup_.c_str());
    }
    if (!host.name.empty()) {
        words.emplace_back("host", host.name.c_str());
    }
    if (!address.empty()) { // or libpq looks the name up and blocks
        words.emplace_back("hostaddr", address.c_str());
    }
    return words;
}

// The empty one: a unix socket.
rt::Task<Result<std::vector<std::string>>>
PostgresOpener::addresses_of(size_t index) {
    constexpr size_t kMaxAddresses = 8;
    const PostgresHost &host = url_.hosts()[index];
    std::vector<std::string> all;
    if (host.is_socket()) {
        all.emplace_back();
        co_return all;
    }
    rt::HostPort where{host.address.empty() ? host.name : host.address,
                       host.port};
    auto work = rt::resolve(std::move(where));
    auto found = co_await rt::within(std::move(work), url_.connect_timeout(),
                                     Code::store_unavailable,
                                     "its name was not found in time");
    if (!found) {
        co_return std::move(found.error());
    }
    for (size_t i = 0; i < found->size() && i < kMaxAddresses; i++) {
        all.push_back((*found)[i].number());
    }
    co_return all;
}

// The words' values live as long as the wait.
rt::Task<Result<PostgresHandle>> PostgresOpener::connect(PostgresWords words,
                                                         std::string host) {
    PostgresConnecting connecting(std::move(words), host,
                                  url_.connect_timeout());
    auto handle = co_await connecting;
    if (!handle) {
        co_return connecting.failure()->error;
    }
    if (!doubts_) {
        co_return std::move(handle);
    }
    PostgresAsking asking(std::move(handle), host, url_.connect_timeout());
    auto asked = co_await asking;
    co_return asked;
}

rt::Task<Result<PostgresOpened>> PostgresOpener::open() {
    Error all(Code::store_unavailable, "", 1);
    size_t count = url_.hosts().size();
    size_t first = first_;
    for (size_t i = 0; i < count; i++) {
        size_t index = (first + i) % count;
        const PostgresHost &host = url_.hosts()[index];
        std::string label = host.label();
        auto addresses = co_await addresses_of(index);
        if (!addresses) {
            all.detail += all.detail.empty() ? "" : "; ";
            all.detail +=
                "PostgreSQL at " + label + ": " + addresses.error().detail;
            continue;
        }
        for (const std::string &address : *addresses) {
            PostgresWords words = words_of(host, address);
            auto handle = co_await connect(std::move(words), label);
            if (handle) {
                first_ = index;
                co_return PostgresOpened{std::move(*handle), label};
            }
            const Error &why = handle.error();
            all.detail += all.detail.empty() ? "" : "; ";
            all.detail += why.detail;
            all.code = why.code == Code::overloaded ? why.code : all.code;
        }
    }
    co_return all;
}

} // namespace ks::sql
