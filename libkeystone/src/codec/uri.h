// Pieces of a request line and of header fields, read strictly.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ks::codec {

// Strict: "%" and two hexadecimal digits; no NUL.  A plus stays a plus.
std::optional<std::string> percent_decode(std::string_view text);
// Everything but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view text);

// key=value&key=value, decoded, in their order; "+" is a blank, as forms send
// it.  bad_request for more than kMaxPairs or for a broken escape.
class Query {
  public:
    static constexpr size_t kMaxPairs = 32;
    static Result<Query> parse(std::string_view text);

    // Absent: nothing.  Given twice: bad_request naming the key, because two
    // readers would not agree on which one counts.
    Result<std::optional<std::string_view>> get(std::string_view key) const;

    const std::vector<std::pair<std::string, std::string>> &pairs() const {
        return pairs_;
    }

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

// One value without taking the whole query apart: decoded as Query does.
// Nothing when the key is absent, stands twice, or its value is broken.
std::optional<std::string> query_value(std::string_view query,
                                       std::string_view key);

// [A-Za-z0-9_-]{1,64}: safe in a path, a file name, an SRS URL and a log.
bool is_stream_name(std::string_view text);

// What RTMP calls the stream: "name?key=value".  Nothing is decoded.
struct NameAndArgs {
    std::string_view name;
    std::string_view args;
};
NameAndArgs split_name(std::string_view text);

// Of a Cookie header; the first of that name, quotes taken off.
std::optional<std::string_view> cookie(std::string_view header,
                                       std::string_view name);

// RFC 6750: what follows "Bearer" in any spelling; nothing for another scheme
// or for something that is not one token68.
std::optional<std::string_view> bearer(std::string_view authorization);

// `etag` is ours, strong and with its quotes.  The list is "*" or tags; one
// that is malformed matches nothing.
bool if_match(std::string_view list, std::string_view etag);      // strong
bool if_none_match(std::string_view list, std::string_view etag); // weak

} // namespace ks::codec
