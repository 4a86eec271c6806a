#include "gate/ticket.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <optional>

namespace ks::gate {

namespace {

constexpr std::string_view kPurpose = "keystone: ticket for a media server";
using Block = std::array<uint8_t, 16>;

std::optional<Block> turn(EVP_CIPHER_CTX *ctx, const Block &in) {
    Block out;
    int len = 0;
    if (ctx == nullptr ||
        EVP_CipherUpdate(ctx, out.data(), &len, in.data(), 16) != 1 ||
        len != 16) {
        return std::nullopt;
    }
    return out;
}

} // namespace

void Tickets::Free::operator()(evp_cipher_ctx_st *ctx) const {
    EVP_CIPHER_CTX_free(ctx);
}

// One block of random bits under a key of its own: no mode, no padding.
Tickets::Tickets(const std::vector<Secret> &secrets) {
    for (const Secret &secret : secrets) {
        Sha256 key = hmac_sha256(secret.reveal(), kPurpose);
        Key pair;
        for (int encrypt : {1, 0}) {
            Cipher ctx(EVP_CIPHER_CTX_new());
            if (!ctx || EVP_CipherInit_ex(ctx.get(), EVP_aes_128_ecb(), nullptr,
                                          key.data(), nullptr, encrypt) != 1) {
                continue;
            }
            EVP_CIPHER_CTX_set_padding(ctx.get(), 0);
            (encrypt == 1 ? pair.lock : pair.unlock) = std::move(ctx);
        }
        wipe(key.data(), key.size());
        keys_.push_back(std::move(pair));
    }
}

Tickets::~Tickets() = default;

std::string Tickets::make(const Id &session) const {
    std::string_view text = session.view();
    if (keys_.empty() || !text.starts_with(prefix::kSession)) {
        return {};
    }
    auto plain = base62_decode(text.substr(prefix::kSession.size()));
    if (!plain) {
        return {};
    }
    auto locked = turn(keys_[0].lock.get(), *plain);
    return locked ? base64url_encode(*locked) : std::string();
}

std::vector<Id> Tickets::read(std::string_view ticket) const {
    std::vector<Id> found;
    auto raw = base64url_decode(ticket);
    Block block;
    if (!raw || raw->size() != block.size()) {
        return found;
    }
    std::copy(raw->begin(), raw->end(), block.begin());
    for (const Key &key : keys_) {
        auto plain = turn(key.unlock.get(), block);
        if (plain) {
            found.emplace_back(std::string(prefix::kSession) +
                               base62_encode(*plain));
        }
    }
    return found;
}

} // namespace ks::gate
