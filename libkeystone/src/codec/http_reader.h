// One HTTP/1.1 response coming in, byte by byte or all at once (RFC 9112).
//
// Written here and not taken from libcurl: the only servers asked are the media
// servers of the configuration, over plain HTTP, and libcurl would map thirty
// more libraries (6 MiB) into every worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ks::codec {

class HttpReader {
  public:
    enum class State : uint8_t { more, done, failed };

    // More than `max_body` bytes of body is a failure.
    explicit HttpReader(size_t max_body) : max_body_(max_body) {}

    State feed(std::string_view bytes);
    // The peer sends no more: done for a body that ends so, else failed.
    State end();

    // Nothing came at all: how SRS says no.
    bool silent() const { return head_.empty(); }

    unsigned status() const { return status_; }
    std::string_view content_type() const { return content_type_; }
    std::string_view location() const { return location_; }
    std::string &body() { return body_; }

  private:
    enum class Part : uint8_t {
        head,
        counted,    // by Content-Length
        chunk_size, // of a chunked body ...
        chunk,
        chunk_end,
        trailer,
        until_end // the connection's end is the body's
    };
    static constexpr size_t kMaxHead = 16 * 1024;
    static constexpr size_t kMaxLine = 1024; // of a chunk's size, a trailer

    State fail() { return state_ = State::failed; }
    bool read_head(std::string_view head);
    bool read_header(std::string_view line);
    bool take_line(std::string_view &bytes, bool *whole);
    bool take_body(std::string_view &bytes);

    size_t max_body_;
    State state_ = State::more;
    Part part_ = Part::head;
    std::string head_;
    std::string line_;
    std::string body_;
    std::string content_type_;
    std::string location_;
    unsigned status_ = 0;
    uint64_t left_ = 0; // of the body, or of the chunk
    bool has_length_ = false;
    bool chunked_ = false;
};

} // namespace ks::codec
