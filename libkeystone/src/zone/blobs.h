// Rendered answers (rows of a stream as JSON), in two sizes.
#pragma once

#include "base/fixed.h"
#include "zone/table.h"

#include <string>
#include <string_view>

namespace ks::zone {

using BlobKey = Fixed<95>;

template <size_t N> struct Blob {
    uint32_t len = 0;
    char text[N];

    std::string_view view() const { return {text, len < N ? len : N}; }
};

template <size_t N> void copy_value(Blob<N> &to, const Blob<N> &from) {
    to.len = from.len;
    std::memcpy(to.text, from.text, from.view().size());
}

constexpr size_t kSmallBlob = 1020;
constexpr size_t kLargeBlob = 8188;
using SmallBlobs = Table<BlobKey, Blob<kSmallBlob>>;
using LargeBlobs = Table<BlobKey, Blob<kLargeBlob>, EvictAny, 4>;

// A cheap handle over both tables.
class Blobs {
  public:
    struct Ticket {
        zone::Ticket small, large;
    };

    Blobs(SmallBlobs &small, LargeBlobs &large)
        : small_(small), large_(large) {}

    Ticket ticket(std::string_view key) const;
    // Replaces *out.
    bool find(std::string_view key, Millis now, std::string *out);
    // False: stale, too large, or no room; the key is then not cached.
    bool put(Ticket ticket, std::string_view key, std::string_view text,
             Millis now, Millis expires);
    void erase(std::string_view key);

  private:
    SmallBlobs &small_;
    LargeBlobs &large_;
};

} // namespace ks::zone
