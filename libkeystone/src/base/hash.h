// SHA-256 and HMAC-SHA-256 by OpenSSL (kept by many eyes, uses the CPU's SHA
// instructions); SipHash-2-4 for tables whose keys strangers choose.
#pragma once

#include "base/bytes.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace ks {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::string_view key, std::string_view data);

struct SipKey {
    uint64_t k0 = 0;
    uint64_t k1 = 0;
};

uint64_t siphash24(const SipKey &key, std::string_view data);

} // namespace ks
