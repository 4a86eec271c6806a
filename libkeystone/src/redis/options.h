// Which Redis, and who we are there.
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <string>

namespace ks::redis {

struct Options {
    std::string path; // of a unix socket; empty: host and port
    std::string host;
    std::string port;
    std::string user; // empty: the default one
    Secret password;  // empty: none
    int db = 0;
    bool tls = false;
    std::string ca; // a file; empty: the system's
    std::string name = "keystone";
    // Of one command; what takes longer is taken for a Redis that hangs.
    Millis timeout = 500;

    Options copy() const {
        return {path, host, port, user, password.copy(),
                db,   tls,  ca,   name, timeout};
    }
};

// For /readyz and the log.
struct Health {
    bool usable = false;
    std::string trouble; // without secrets; with the cure where there is one
    WallMs since = 0;    // of the present state
};

} // namespace ks::redis
