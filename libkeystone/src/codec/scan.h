// Eight bytes at a time: finds the next one that needs a closer look.  May stop
// at a byte that turns out fine, never passes one that is not.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ks::codec {

namespace scan {

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHigh = 0x8080808080808080;

// The high bit of every byte that is zero, or below n (at most 128); bytes
// above such a one may show up, too.
constexpr uint64_t zero(uint64_t v) { return (v - kOnes) & ~v & kHigh; }
constexpr uint64_t below(uint64_t v, uint64_t n) {
    return (v - kOnes * n) & ~v & kHigh;
}
constexpr uint64_t equal(uint64_t v, uint64_t c) { return zero(v ^ kOnes * c); }

// The same for each byte by itself: high bits exactly where it holds.
constexpr uint64_t each_below(uint64_t v, uint64_t n) {
    return ~(((v & ~kHigh) + kOnes * (0x80 - n)) | v) & kHigh;
}
constexpr uint64_t each_equal(uint64_t v, uint64_t c) {
    return each_below(v ^ kOnes * c, 1);
}
// Which byte of memory the first of these high bits stands for.
inline size_t first(uint64_t high_bits) {
    if constexpr (std::endian::native == std::endian::little) {
        return static_cast<size_t>(std::countr_zero(high_bits)) / 8;
    } else {
        return static_cast<size_t>(std::countl_zero(high_bits)) / 8;
    }
}

template <class Odd> size_t skip(std::string_view s, size_t at, Odd odd) {
    while (at + 8 <= s.size()) {
        uint64_t v;
        std::memcpy(&v, s.data() + at, 8);
        if (odd(v) != 0) {
            break;
        }
        at += 8;
    }
    return at;
}

} // namespace scan

// Over what a JSON string holds as it is, up to within 8 bytes of the rest.
inline size_t skip_plain_json(std::string_view s, size_t at) {
    return scan::skip(s, at, [](uint64_t v) {
        return (v & scan::kHigh) | scan::below(v, 0x20) | scan::equal(v, '"') |
               scan::equal(v, '\\');
    });
}

// Over what is no ASCII control character.
inline size_t skip_printable(std::string_view s, size_t at) {
    return scan::skip(s, at, [](uint64_t v) {
        return scan::below(v, 0x20) | scan::equal(v, 0x7f);
    });
}

} // namespace ks::codec
