#include "zone/blobs.h"

#include <algorithm>

namespace ks::zone {

Blobs::Ticket Blobs::ticket(std::string_view key) const {
    if (!BlobKey::fits(key)) {
        return {};
    }
    BlobKey k(key);
    return {small_.ticket(k), large_.ticket(k)};
}

bool Blobs::find(std::string_view key, Millis now, std::string *out) {
    if (!BlobKey::fits(key)) {
        return false;
    }
    BlobKey k(key);
    auto copy = [out](const auto &blob) { out->assign(blob.view()); };
    return small_.peek(k, now, copy) || large_.peek(k, now, copy);
}

namespace {

// A text that changed its size class must not leave the old one behind.
template <class Into, class Other>
bool replace(Into &into, Other &other, const Ticket &ticket, const BlobKey &key,
             std::string_view text, Millis now, Millis expires) {
    typename Into::Value blob;
    blob.len = static_cast<uint32_t>(text.size());
    std::copy(text.begin(), text.end(), blob.text);
    other.forget(key);
    return into.put_if(ticket, key, blob, now, expires);
}

} // namespace

// erase() makes the tickets of both tables stale: one of them tells enough.
bool Blobs::put(Ticket ticket, std::string_view key, std::string_view text,
                Millis now, Millis expires) {
    if (!BlobKey::fits(key) || text.size() > kLargeBlob) {
        return false;
    }
    BlobKey k(key);
    if (text.size() <= kSmallBlob) {
        return replace(small_, large_, ticket.small, k, text, now, expires);
    }
    return replace(large_, small_, ticket.large, k, text, now, expires);
}

void Blobs::erase(std::string_view key) {
    if (BlobKey::fits(key)) {
        BlobKey k(key);
        small_.erase(k);
        large_.erase(k);
    }
}

} // namespace ks::zone
