#include "api/row_cache.h"

#include "api/etag.h"

#include <functional>

namespace ks::api {

size_t RowCache::slot(const Id &id) {
    return std::hash<std::string_view>()(id.view()) % kSlots;
}

const RowCache::Row *RowCache::find(const Id &id, std::string_view scheme,
                                    std::string_view host, Millis now) const {
    const Entry &entry = entries_[slot(id)];
    bool good = entry.until > now && entry.epoch == zone_.epoch() &&
                entry.id == id && entry.scheme == scheme && entry.host == host;
    return good ? &entry.row : nullptr;
}

void RowCache::put(uint64_t ticket, const model::Stream &stream,
                   std::string_view scheme, std::string_view host,
                   std::string text, const LivePart &part, Millis now) {
    if (text.size() > kMaxRow || ticket != zone_.epoch()) {
        return;
    }
    Entry &entry = entries_[slot(stream.id)];
    entry.id = stream.id;
    entry.scheme = scheme;
    entry.host = host;
    entry.row.owner_id = stream.owner_id;
    entry.row.enabled = stream.enabled;
    entry.row.version = stream.version;
    entry.row.etag = make_etag(stream.version, text);
    entry.row.idle = std::move(text);
    entry.row.live = part;
    entry.epoch = ticket;
    entry.until = now + kFresh;
}

} // namespace ks::api
