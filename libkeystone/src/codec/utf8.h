// What JSON needs to know of UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ks::codec {

// Length of the well-formed sequence at `at` (Unicode 15, table 3-7), or 0.
inline size_t utf8_at(std::string_view s, size_t at) {
    auto byte = [&](size_t i) -> unsigned {
        return at + i < s.size() ? static_cast<uint8_t>(s[at + i]) : 0;
    };
    auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
    unsigned a = byte(0), b = byte(1);
    if (at >= s.size()) {
        return 0;
    }
    if (a < 0x80) {
        return 1;
    }
    if (a >= 0xC2 && a <= 0xDF) {
        return tail(1) ? 2 : 0;
    }
    if (a >= 0xE0 && a <= 0xEF) {
        bool second = tail(1) && !(a == 0xE0 && b < 0xA0) &&
                      !(a == 0xED && b > 0x9F); // no surrogates
        return second && tail(2) ? 3 : 0;
    }
    if (a >= 0xF0 && a <= 0xF4) {
        bool second =
            tail(1) && !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b > 0x8F);
        return second && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// Of well-formed text.
inline size_t utf8_characters(std::string_view s) {
    size_t n = 0;
    for (char c : s) {
        n += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
    }
    return n;
}

} // namespace ks::codec
