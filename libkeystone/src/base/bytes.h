// Text forms of bytes, and comparing and wiping them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ks {

using Bytes = std::span<const uint8_t>;

inline Bytes as_bytes(std::string_view s) {
    return {reinterpret_cast<const uint8_t *>(s.data()), s.size()};
}
inline std::string_view as_text(Bytes b) {
    return {reinterpret_cast<const char *>(b.data()), b.size()};
}

std::string hex_encode(Bytes in);
std::optional<std::string> hex_decode(std::string_view in);

// Without padding (RFC 4648, section 5); decoding refuses padding, other
// alphabets and non-zero trailing bits, so that one value has one spelling.
std::string base64url_encode(Bytes in);
std::optional<std::string> base64url_decode(std::string_view in);
// With padding (RFC 4648, section 4): for those who expect it.
std::string base64_encode(Bytes in);

// 128 bits as exactly 22 characters of [0-9A-Za-z], most significant first.
std::string base62_encode(std::span<const uint8_t, 16> in);
bool is_base62(std::string_view s);
// 22 characters of what base62_encode() makes; nothing if they are not.
std::optional<std::array<uint8_t, 16>> base62_decode(std::string_view in);

// ASCII only: names of headers, schemes, hosts.
bool iequals(std::string_view a, std::string_view b);
std::string lower(std::string_view s);
std::string_view trim(std::string_view s);

// Time depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);
// Not removed by the optimiser.
void wipe(void *p, size_t len);

} // namespace ks
