// Streams as JSON, for a moment: as they are while nothing is live, with the
// place where what changes by itself (who watches, since when) is put in
// otherwise.  Good while nothing was invalidated in the zone, and for kFresh at
// most.
#pragma once

#include "api/stream_json.h"
#include "zone/zone.h"

#include <array>
#include <string>
#include <string_view>

namespace ks::api {

class RowCache {
  public:
    static constexpr Millis kFresh = 5 * kSecond;
    static constexpr size_t kSlots = 256;
    static constexpr size_t kMaxRow = 16 * 1024;

    struct Row {
        Id owner_id;
        bool enabled = false;
        int64_t version = 0;
        std::string idle; // the text when nothing is live
        std::string etag; // of that text
        LivePart live;    // what of it is replaced when something is
    };

    explicit RowCache(zone::Zone &zone) : zone_(zone) {}

    // Taken before the store or its cache is asked.
    uint64_t ticket() const { return zone_.epoch(); }

    // Null: not there.  Good until the next put().  The URLs in it hang on how
    // the client called us: scheme and host are part of the key.
    const Row *find(const Id &id, std::string_view scheme,
                    std::string_view host, Millis now) const;
    void put(uint64_t ticket, const model::Stream &stream,
             std::string_view scheme, std::string_view host, std::string text,
             const LivePart &part, Millis now);

  private:
    struct Entry {
        Id id;
        std::string scheme;
        std::string host;
        Row row;
        uint64_t epoch = 0;
        Millis until = 0;
    };

    static size_t slot(const Id &id);

    zone::Zone &zone_;
    std::array<Entry, kSlots> entries_;
};

} // namespace ks::api
