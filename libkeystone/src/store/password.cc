#include "store/password.h"

#include <argon2.h>

namespace ks::store {

namespace {

constexpr uint32_t kMemory = 19 * 1024; // KiB
constexpr uint32_t kPasses = 2;
constexpr uint32_t kLanes = 1;
constexpr size_t kHash = 32; // bytes
constexpr std::string_view kForm = "$argon2id$v=19$";

// A number of a PHC string: m, t or p; 0 when it is not there.
uint32_t parameter(std::string_view hash, char name) {
    std::string key = {name, '='};
    size_t start = kForm.size();
    for (;;) {
        if (hash.substr(start, 2) == key) {
            uint32_t n = 0;
            for (char c : hash.substr(start + 2)) {
                if (c < '0' || c > '9' || n > 100'000'000) {
                    break;
                }
                n = n * 10 + static_cast<uint32_t>(c - '0');
            }
            return n;
        }
        start = hash.find_first_of(",$", start);
        if (start == std::string_view::npos || hash[start] == '$') {
            return 0;
        }
        start++;
    }
}

} // namespace

Salt make_salt(Entropy &entropy) {
    Salt salt;
    entropy.fill(salt);
    return salt;
}

std::string hash_password(const Secret &password, const Salt &salt) {
    char out[128];
    std::string_view text = password.reveal();
    int code = argon2id_hash_encoded(kPasses, kMemory, kLanes, text.data(),
                                     text.size(), salt.data(), salt.size(),
                                     kHash, out, sizeof(out));
    return code == ARGON2_OK ? out : "";
}

bool verify_password(const Secret &password, const std::string &hash) {
    std::string_view text = password.reveal();
    if (hash.empty()) {
        Salt salt{};
        uint8_t out[kHash];
        argon2id_hash_raw(kPasses, kMemory, kLanes, text.data(), text.size(),
                          salt.data(), salt.size(), out, sizeof(out));
        return false;
    }
    return argon2id_verify(hash.c_str(), text.data(), text.size()) == ARGON2_OK;
}

bool needs_rehash(const std::string &hash) {
    return !hash.starts_with(kForm) || parameter(hash, 'm') < kMemory ||
           parameter(hash, 't') < kPasses || parameter(hash, 'p') < kLanes;
}

} // namespace ks::store
