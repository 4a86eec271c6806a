#include "base/hash.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace ks {

namespace {

// One fetch a process and one context a thread: EVP_Digest() fetches anew on
// every call, which costs more than hashing a token does.
const EVP_MD *sha256_method() {
    static const EVP_MD *md = [] {
        const EVP_MD *fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        return fetched != nullptr ? fetched : EVP_sha256();
    }();
    return md;
}

struct ContextFree {
    void operator()(EVP_MD_CTX *ctx) const { EVP_MD_CTX_free(ctx); }
};

constexpr uint64_t rotl(uint64_t v, int n) { return std::rotl(v, n); }

void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

} // namespace

Sha256 sha256(std::string_view data) {
    thread_local std::unique_ptr<EVP_MD_CTX, ContextFree> ctx(EVP_MD_CTX_new());
    Sha256 out;
    unsigned len = 0;
    // Fails only without memory or without a SHA-256 provider; a digest that
    // is wrong would let a stranger in, so there is no going on.
    if (!ctx || EVP_DigestInit_ex(ctx.get(), sha256_method(), nullptr) != 1 ||
        EVP_DigestUpdate(ctx.get(), data.data(), data.size()) != 1 ||
        EVP_DigestFinal_ex(ctx.get(), out.data(), &len) != 1) {
        std::abort();
    }
    return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
    constexpr size_t kBlock = 64;
    std::array<char, kBlock> pad{};
    if (key.size() > kBlock) {
        Sha256 shorter = sha256(key);
        std::memcpy(pad.data(), shorter.data(), shorter.size());
    } else {
        std::memcpy(pad.data(), key.data(), key.size());
    }
    std::string inner;
    inner.reserve(kBlock + data.size());
    for (char c : pad) {
        inner.push_back(static_cast<char>(c ^ 0x36));
    }
    inner.append(data);
    Sha256 digest = sha256(inner);
    std::array<char, kBlock + sizeof(Sha256)> outer;
    for (size_t i = 0; i < kBlock; i++) {
        outer[i] = static_cast<char>(pad[i] ^ 0x5c);
    }
    std::memcpy(outer.data() + kBlock, digest.data(), digest.size());
    Sha256 out = sha256({outer.data(), outer.size()});
    wipe(pad.data(), pad.size());
    wipe(inner.data(), kBlock);
    wipe(outer.data(), outer.size());
    return out;
}

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
uint64_t siphash24(const SipKey &key, std::string_view data) {
    uint64_t v[4] = {
        key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
        key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
    size_t whole = data.size() & ~size_t{7};
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t m;
        std::memcpy(&m, data.data() + i, 8); // little endian hosts only
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = static_cast<uint64_t>(data.size()) << 56;
    std::memcpy(&last, data.data() + whole, data.size() - whole);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static_assert(std::endian::native == std::endian::little,
              "siphash24() reads words as they lie in memory");

} // namespace ks
