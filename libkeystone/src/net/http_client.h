// HTTP to servers that the configuration names: one connection a call, because
// SRS names a client after its connection.  Plain HTTP on the event loop; a
// host's name is looked up on a thread.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "rt/task.h"

#include <string>

namespace ks::net {

struct HttpAsk {
    std::string host_port; // 127.0.0.1:1985, [::1]:1985, srs:1985
    std::string method = "GET";
    std::string target = "/"; // path and query, as they go out
    std::string body;
    std::string content_type;      // of the body, if there is one
    Millis deadline = 2 * kSecond; // of all of it
    size_t max_body = 64 * 1024;   // of the answer
};

struct HttpAnswer {
    unsigned status = 0;
    std::string content_type;
    std::string location;
    std::string body;
};

// All addresses of the name are tried until one takes the connection, and each
// may wait for its share of the time.  upstream_unavailable: nobody listens
// there, which is sure, as one address has refused, and so have all others to
// which this host has a way; upstream_timeout: no answer in time, no way there,
// or its name is not known now; overloaded: we ourselves are short of something; upstream_error: it was
// closed without an answer, or the answer is none.
rt::Task<Result<HttpAnswer>> http_call(HttpAsk ask);

} // namespace ks::net
