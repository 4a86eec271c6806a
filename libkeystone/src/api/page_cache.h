// Rendered lists, for a moment: many ask for the same page again and again (a
// dashboard, the public directory).  A page is good for kFresh and only while
// nothing was invalidated in the zone, so whoever changes a stream sees it.
#pragma once

#include "base/time.h"
#include "zone/zone.h"

#include <array>
#include <string>
#include <string_view>

namespace ks::api {

class PageCache {
  public:
    static constexpr Millis kFresh = kSecond;
    static constexpr size_t kSlots = 64;
    static constexpr size_t kMaxBody = 128 * 1024;

    explicit PageCache(zone::Zone &zone) : zone_(zone) {}

    // Taken before the store is asked.
    uint64_t ticket() const { return zone_.epoch(); }

    // Null: not there.  Good until the next put().
    const std::string *find(std::string_view key, Millis now) const;
    void put(uint64_t ticket, std::string key, std::string body, Millis now);

  private:
    struct Entry {
        std::string key;
        std::string body;
        uint64_t epoch = 0;
        Millis until = 0;
    };

    static size_t slot(std::string_view key);

    zone::Zone &zone_;
    std::array<Entry, kSlots> entries_;
};

} // namespace ks::api
