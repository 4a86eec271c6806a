#include "base/id.h"

#include "base/bytes.h"

#include <array>

namespace ks {

namespace {
constexpr size_t kRandomChars = 22;
constexpr size_t kTokenTailChars = 18;
} // namespace

Id make_id(std::string_view prefix, Entropy &entropy) {
    std::array<uint8_t, 16> raw;
    entropy.fill(raw);
    std::string text(prefix);
    text += base62_encode(raw);
    return Id(text);
}

bool is_id(std::string_view prefix, std::string_view text) {
    return text.size() == prefix.size() + kRandomChars &&
           text.starts_with(prefix) && is_base62(text.substr(prefix.size()));
}

std::string make_token(std::string_view kind_prefix, Entropy &entropy) {
    std::array<uint8_t, 16> raw;
    std::string text(kind_prefix);
    entropy.fill(raw);
    text += base62_encode(raw);
    entropy.fill(raw);
    text += base62_encode(raw).substr(kRandomChars - kTokenTailChars);
    wipe(raw.data(), raw.size());
    return text;
}

} // namespace ks
