// What PostgreSQL's errors mean to us (SQLSTATE: appendix A of its manual).
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace ks::sql {

struct PostgresFailure {
    Error error; // store_unavailable and internal: the text is for the log

    bool broken = false;    // the connection is of no use any more
    bool collided = false;  // nothing was done; the same again may succeed
    bool forgotten = false; // a prepared statement is gone or out of date
    bool standby = false;   // this server cannot be written to

    explicit PostgresFailure(Error e) : error(std::move(e)) {}
};

// As the server reported it; an empty state: libpq found it by itself.
struct PostgresReport {
    std::string state;
    std::string message; // in the server's language
    std::string detail;
    std::string table;
    bool fatal = false; // it ends the connection
};

// `host`: for the text.
PostgresFailure judge(const PostgresReport &report, const std::string &host);

// A connection that was not made: libpq tells the server's state in the text
// only (PQERRORS_VERBOSE): "FATAL:  28P01: password ...".
PostgresFailure judge_connect(std::string_view text, const std::string &host);

// The connection ended, or the server does not answer.
PostgresFailure lost(std::string_view text, const std::string &host);

// The host has none to watch it with.
Error no_room(const std::string &host);

std::string first_line(std::string_view text);

} // namespace ks::sql
