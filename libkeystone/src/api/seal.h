// Text that lies in the store and is nobody's to read there: AES-256-GCM.
#pragma once

#include "base/hash.h"
#include "base/id.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::api {

// base64url of nonce, ciphertext and tag; empty when the cipher fails.
std::string seal(const Sha256 &key, std::string_view text, Entropy &entropy);
// Nothing: another key, or changed on the way.
std::optional<std::string> unseal(const Sha256 &key, std::string_view sealed);

} // namespace ks::api
