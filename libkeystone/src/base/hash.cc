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

// gcc keeps it out of line by itself, with its state in memory: three times as
// slow, in every look-up there is.
[[gnu::always_inline]] inline void sip_round(uint64_t (&v)[4]) {
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

constexpr size_t kBlock = 64;

using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

// Fails only without memory or without a SHA-256 provider; a digest that is
// wrong would let a stranger in, so there is no going on.
void must(bool ok) {
    if (!ok) {
        std::abort();
    }
}

EVP_MD_CTX *scratch() {
    thread_local Context ctx(EVP_MD_CTX_new());
    must(ctx != nullptr);
    return ctx.get();
}

Sha256 finish(EVP_MD_CTX *ctx, std::string_view data) {
    Sha256 out;
    unsigned len = 0;
    must(EVP_DigestUpdate(ctx, data.data(), data.size()) == 1 &&
         EVP_DigestFinal_ex(ctx, out.data(), &len) == 1);
    return out;
}

} // namespace

Sha256 sha256(std::string_view data) {
    EVP_MD_CTX *ctx = scratch();
    must(EVP_DigestInit_ex(ctx, sha256_method(), nullptr) == 1);
    return finish(ctx, data);
}

HmacKey::HmacKey(std::string_view key)
    : inner_(EVP_MD_CTX_new()), outer_(EVP_MD_CTX_new()) {
    std::array<char, kBlock> pad{};
    if (key.size() > kBlock) {
        Sha256 shorter = sha256(key);
        std::memcpy(pad.data(), shorter.data(), shorter.size());
    } else {
        std::memcpy(pad.data(), key.data(), key.size());
    }
    auto start = [&](EVP_MD_CTX *ctx, char mask) {
        std::array<char, kBlock> block;
        for (size_t i = 0; i < kBlock; i++) {
            block[i] = static_cast<char>(pad[i] ^ mask);
        }
        must(ctx != nullptr &&
             EVP_DigestInit_ex(ctx, sha256_method(), nullptr) == 1 &&
             EVP_DigestUpdate(ctx, block.data(), block.size()) == 1);
        wipe(block.data(), block.size());
    };
    start(inner_.get(), 0x36);
    start(outer_.get(), 0x5c);
    wipe(pad.data(), pad.size());
}

void HmacKey::Free::operator()(evp_md_ctx_st *ctx) const {
    EVP_MD_CTX_free(ctx);
}

Sha256 HmacKey::sign(std::string_view data) const {
    EVP_MD_CTX *ctx = scratch();
    must(EVP_MD_CTX_copy_ex(ctx, inner_.get()) == 1);
    Sha256 digest = finish(ctx, data);
    must(EVP_MD_CTX_copy_ex(ctx, outer_.get()) == 1);
    return finish(ctx, as_text(digest));
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
    return HmacKey(key).sign(data);
}

Sha1 hmac_sha1(std::string_view key, std::string_view data) {
    Sha1 out;
    unsigned len = 0;
    must(HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
              as_bytes(data).data(), data.size(), out.data(),
              &len) != nullptr &&
         len == out.size());
    return out;
}

Sha1 sha1(std::string_view data) {
    Sha1 out;
    unsigned len = 0;
    must(EVP_Digest(data.data(), data.size(), out.data(), &len, EVP_sha1(),
                    nullptr) == 1 &&
         len == out.size());
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
    if (whole < data.size()) {
        std::memcpy(&last, data.data() + whole, data.size() - whole);
    }
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
