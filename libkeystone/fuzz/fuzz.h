// One target a file: libFuzzer calls it with what strangers may send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace ks::fuzz {

inline std::string_view text(const uint8_t *data, size_t size) {
    return {reinterpret_cast<const char *>(data), size};
}

// What must hold for every input; libFuzzer keeps the one for which it fails.
inline void must(bool holds) {
    if (!holds) {
        std::abort();
    }
}

} // namespace ks::fuzz
