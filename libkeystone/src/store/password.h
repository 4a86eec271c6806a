// Argon2id, as PHC strings.  All of these are slow on purpose: call them
// through rt::offload(Pool::hash, ...) and nowhere else.
#pragma once

#include "base/id.h"
#include "base/secret.h"

#include <array>
#include <string>

namespace ks::store {

constexpr size_t kMinPassword = 8; // bytes
constexpr size_t kMaxPassword = 256;

using Salt = std::array<uint8_t, 16>;
Salt make_salt(Entropy &entropy); // on the loop, before offloading

// $argon2id$v=19$m=19456,t=2,p=1$...; empty when memory is short.
std::string hash_password(const Secret &password, const Salt &salt);

// An empty `hash` (unknown user) costs the same and is never right.
bool verify_password(const Secret &password, const std::string &hash);

// Made with weaker parameters than those of today.
bool needs_rehash(const std::string &hash);

} // namespace ks::store
