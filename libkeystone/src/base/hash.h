// SHA-256 and HMAC by OpenSSL (kept by many eyes, uses the CPU's SHA
// instructions); SipHash-2-4 for tables whose keys strangers choose.
#pragma once

#include "base/bytes.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_ctx_st; // OpenSSL's

namespace ks {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::string_view key, std::string_view data);

// For those who know nothing else (TURN); nothing of ours relies on it.
using Sha1 = std::array<uint8_t, 20>;
Sha1 hmac_sha1(std::string_view key, std::string_view data);
Sha1 sha1(std::string_view data); // what Redis calls a script

// For a key that signs often: its two blocks are hashed once, in advance.
// Holds no copy of the key; may be used by several threads.
class HmacKey {
  public:
    explicit HmacKey(std::string_view key);

    Sha256 sign(std::string_view data) const;

  private:
    struct Free {
        void operator()(evp_md_ctx_st *ctx) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> inner_;
    std::unique_ptr<evp_md_ctx_st, Free> outer_;
};

struct SipKey {
    uint64_t k0 = 0;
    uint64_t k1 = 0;
};

uint64_t siphash24(const SipKey &key, std::string_view data);

} // namespace ks
