#include "api/seal.h"

#include "base/bytes.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

namespace ks::api {

namespace {

constexpr size_t kNonce = 12;
constexpr size_t kTag = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX *c) const { EVP_CIPHER_CTX_free(c); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const uint8_t *bytes(const char *p) {
    return reinterpret_cast<const uint8_t *>(p);
}
uint8_t *bytes(char *p) { return reinterpret_cast<uint8_t *>(p); }

} // namespace

std::string seal(const Sha256 &key, std::string_view text, Entropy &entropy) {
    std::array<uint8_t, kNonce> nonce;
    entropy.fill(nonce);
    std::string out(kNonce + text.size() + kTag, '\0');
    std::copy(nonce.begin(), nonce.end(), bytes(out.data()));
    uint8_t *at = bytes(out.data()) + kNonce;
    int len = 0;
    int rest = 0;
    Cipher cipher(EVP_CIPHER_CTX_new());
    if (!cipher ||
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           nonce.data()) != 1 ||
        EVP_EncryptUpdate(cipher.get(), at, &len, bytes(text.data()),
                          static_cast<int>(text.size())) != 1 ||
        EVP_EncryptFinal_ex(cipher.get(), at + len, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag,
                            at + text.size()) != 1) {
        return {};
    }
    return base64url_encode(as_bytes(out));
}

std::optional<std::string> unseal(const Sha256 &key, std::string_view sealed) {
    auto in = base64url_decode(sealed);
    if (!in || in->size() < kNonce + kTag) {
        return std::nullopt;
    }
    size_t size = in->size() - kNonce - kTag;
    const uint8_t *from = bytes(in->data());
    uint8_t *tag = bytes(in->data()) + kNonce + size;
    std::string text(size, '\0');
    int len = 0;
    int rest = 0;
    Cipher cipher(EVP_CIPHER_CTX_new());
    if (!cipher ||
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           from) != 1 ||
        EVP_DecryptUpdate(cipher.get(), bytes(text.data()), &len, from + kNonce,
                          static_cast<int>(size)) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag) !=
            1 ||
        EVP_DecryptFinal_ex(cipher.get(), bytes(text.data()) + len, &rest) !=
            1) {
        return std::nullopt;
    }
    return text;
}

} // namespace ks::api
