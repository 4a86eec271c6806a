// An HTTP request as the core sees it, and its answer.  Pure data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ks::codec {

// Views into memory of somebody else: good for work that does not wait.
struct RequestView {
    static constexpr size_t kMaxHeaders = 32; // the host sends a chosen few

    struct Header {
        std::string_view name;
        std::string_view value;
    };

    std::string_view method;
    std::string_view uri;   // decoded, normalised path
    size_t prefix_len = 0;  // of uri: the location's own prefix
    std::string_view query; // raw, without '?'
    std::string_view client_ip;
    std::string_view scheme; // "http" or "https"
    int64_t body_len = 0;    // Content-Length; 0 none; -1 not known (chunked)
    std::string_view request_id; // chosen by whoever let the request in
    std::array<Header, kMaxHeaders> headers;
    size_t nheaders = 0;

    // First header of that name (ASCII case-insensitive), or empty.
    std::string_view header(std::string_view name) const;
    bool add_header(std::string_view name, std::string_view value);
};

// The same with the memory: what a coroutine keeps.  Not movable, because the
// views point into the object.
class Request : public RequestView {
  public:
    explicit Request(const RequestView &from);
    Request(const Request &) = delete;
    Request &operator=(const Request &) = delete;

    std::string body; // there once it was asked for

  private:
    std::string memory_;
};

struct Response {
    struct Header {
        std::string name;
        std::string value;
    };

    unsigned status = 200;
    std::vector<Header> headers; // without Content-Length
    std::string body;

    void set(std::string_view name, std::string_view value);
    void add(std::string_view name, std::string_view value);
    std::string_view header(std::string_view name) const;
};

// X-Request-Id: 8 to 64 of [A-Za-z0-9._-].
bool is_request_id(std::string_view text);

} // namespace ks::codec
