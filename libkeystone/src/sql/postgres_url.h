// The address of a PostgreSQL: a URI or a conninfo string (libpq, 34.1.1),
// with one host or several.
#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ks::sql {

struct PostgresHost {
    std::string name;    // a directory: the unix socket in it
    std::string address; // of hostaddr=; empty: `name` is looked up
    std::string port;

    bool is_socket() const {
        return name.starts_with('/') || name.starts_with('@');
    }
    std::string label() const; // "db.example.org:5432", for people
};

class PostgresUrl {
  public:
    // Whether it means to be one, right or wrong.
    static bool claims(std::string_view text);
    // The error says what to write and quotes nothing: there may be a password.
    static Result<PostgresUrl> parse(std::string_view text);

    // Whether the certificate that it names can be read: for a test, not for a
    // worker, which may have no right to.
    Result<void> check_files() const;

    const std::vector<PostgresHost> &hosts() const { return hosts_; }
    // As in the address, else what suits: several hosts are tried for the one
    // that can be written to.
    const std::string &session_attrs() const { return session_attrs_; }
    // To one address.
    Millis connect_timeout() const { return connect_timeout_; }
    // Null when it is not there; never of a host.
    const char *find(std::string_view keyword) const;
    const std::vector<std::pair<std::string, Secret>> &words() const {
        return words_;
    }
    // Without user, password and parameters.
    std::string shown() const;

  private:
    Result<void> take(const std::string &keyword, const char *value);
    Result<void> finish(bool uri);

    std::vector<std::pair<std::string, Secret>> words_;
    std::vector<PostgresHost> hosts_;
    std::string session_attrs_;
    Millis connect_timeout_ = 2 * kSecond;
    std::string name_;
    std::string address_;
    std::string port_;
};

} // namespace ks::sql
