// How lists and hashes stand in the database.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::store {

// None of what is in these lists (origins, addresses) can hold a blank.
inline std::string join(const std::vector<std::string> &words) {
    std::string out;
    for (const std::string &word : words) {
        if (!out.empty()) {
            out += ' ';
        }
        out += word;
    }
    return out;
}

inline std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        size_t end = text.find(' ');
        std::string_view word = text.substr(0, end);
        if (!word.empty()) {
            out.emplace_back(word);
        }
        text.remove_prefix(end == std::string_view::npos ? text.size()
                                                         : end + 1);
    }
    return out;
}

// All of it, or nothing.
inline std::optional<int64_t> number(std::string_view text) {
    int64_t n = 0;
    const char *end = text.data() + text.size();
    auto read = std::from_chars(text.data(), end, n);
    bool whole = read.ec == std::errc() && read.ptr == end;
    return whole ? std::optional(n) : std::nullopt;
}

inline std::string hex(const Sha256 &hash) { return hex_encode(hash); }

inline Sha256 hash_from(std::string_view text) {
    Sha256 out{};
    auto bytes = hex_decode(text);
    if (bytes && bytes->size() == out.size()) {
        std::memcpy(out.data(), bytes->data(), out.size());
    }
    return out;
}

// What LIKE would take for more than itself.
inline std::string like(std::string_view part) {
    std::string out = "%";
    for (char c : part) {
        if (c == '%' || c == '_' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + '%';
}

} // namespace ks::store
