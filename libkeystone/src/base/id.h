// Ids: a prefix that says what it is, and 128 random bits in base62.
#pragma once

#include "base/fixed.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ks {

using Id = Fixed<31>;

// Where randomness comes from; the host's, or a test's.
class Entropy {
  public:
    virtual ~Entropy() = default;
    virtual void fill(std::span<uint8_t> out) = 0;
};

namespace prefix {
constexpr std::string_view kUser = "usr_";
constexpr std::string_view kStream = "str_";
constexpr std::string_view kSession = "ses_";
constexpr std::string_view kToken = "tok_";
constexpr std::string_view kKey = "key_";   // a stream key's token row
constexpr std::string_view kLogin = "lgn_"; // a login session
constexpr std::string_view kHost = "hst_";  // an nginx, by its zone
} // namespace prefix

Id make_id(std::string_view prefix, Entropy &entropy);
bool is_id(std::string_view prefix, std::string_view text);

// ks_pub_... or ks_play_...: 40 random characters of base62 (over 230 bits), at
// most 48 in all, because FFmpeg and SRT cap what a token travels in.
std::string make_token(std::string_view kind_prefix, Entropy &entropy);

} // namespace ks
