// Small things at the border.
#pragma once

#include "keystone.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ks::abi {

inline std::string_view view(ks_str_t s) { return {s.data, s.len}; }
inline ks_str_t str(std::string_view s) { return {s.data(), s.size()}; }

// NUL-terminated, cut where it does not fit.
inline void write_error(char *err, size_t errlen, std::string_view text) {
    if (err == nullptr || errlen == 0) {
        return;
    }
    size_t n = std::min(errlen - 1, text.size());
    std::memcpy(err, text.data(), n);
    err[n] = '\0';
}

} // namespace ks::abi
