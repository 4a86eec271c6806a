// redis ADDRESS [password= user= db= tls= ca= name= prefix= timeout=]
#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace ks::conf {

struct Redis {
    std::string path; // of a unix socket; else host and port
    std::string host;
    std::string port = "6379";
    std::string user; // empty: the default one
    Secret password;  // empty: none is asked for
    int db = 0;
    bool tls = false;
    std::string ca; // a file; empty: the system's
    std::string name = "keystone";
    std::string prefix = "ks:";
    Millis timeout = 500;

    bool used() const { return !path.empty() || !host.empty(); }
    // host:port or unix:path: for logs.
    std::string address() const;
    Redis copy() const;
};

// words[0] is the name of the directive.  An empty address: no Redis.
Result<void> set_redis(Redis &redis, const std::vector<std::string> &words);

} // namespace ks::conf
