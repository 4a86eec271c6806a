#include "api/page_cache.h"

#include <functional>

namespace ks::api {

size_t PageCache::slot(std::string_view key) {
    return std::hash<std::string_view>()(key) % kSlots;
}

const std::string *PageCache::find(std::string_view key, Millis now) const {
    const Entry &entry = entries_[slot(key)];
    bool good =
        entry.until > now && entry.epoch == zone_.epoch() && entry.key == key;
    return good ? &entry.body : nullptr;
}

void PageCache::put(uint64_t ticket, std::string key, std::string body,
                    Millis now) {
    if (body.size() > kMaxBody || ticket != zone_.epoch()) {
        return;
    }
    Entry &entry = entries_[slot(key)];
    entry.key = std::move(key);
    entry.body = std::move(body);
    entry.epoch = ticket;
    entry.until = now + kFresh;
}

} // namespace ks::api
