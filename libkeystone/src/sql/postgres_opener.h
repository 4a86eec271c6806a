// Finds a server that will do: each host of the address in turn, each address
// of a host, with a time limit each.
#pragma once

#include "rt/task.h"
#include "sql/database.h"
#include "sql/postgres_connecting.h"
#include "sql/postgres_url.h"

#include <string>
#include <vector>

namespace ks::sql {

// How long the server lets a statement run.
constexpr Millis statement_limit(const Options &options) {
    return options.timeout - options.timeout / 10;
}

struct PostgresOpened {
    PostgresHandle handle;
    std::string host; // as its label
};

class PostgresOpener {
  public:
    PostgresOpener(PostgresUrl url, const Options &options);

    // Begins with the host that did the last time.  An error says what is
    // wrong with each.
    rt::Task<Result<PostgresOpened>> open();
    // None was of use of late: one has to answer before it counts.
    void doubt(bool yes) { doubts_ = yes; }
    // That one will not do any more: begin with the next.
    void skip() { first_ = (first_ + 1) % url_.hosts().size(); }

    const PostgresUrl &url() const { return url_; }

  private:
    rt::Task<Result<std::vector<std::string>>> addresses_of(size_t host);
    rt::Task<Result<PostgresHandle>> connect(PostgresWords words,
                                             std::string host);
    PostgresWords words_of(const PostgresHost &host,
                           const std::string &address) const;

    PostgresUrl url_;
    std::string startup_; // options=
    std::string user_timeout_;
    size_t first_ = 0;
    bool doubts_ = false;
};

} // namespace ks::sql
