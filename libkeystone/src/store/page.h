// Lists: newest first, a page at a time, stable while rows are added.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::store {

// The last row of the page before; the default is the beginning.
struct Cursor {
    WallMs created_at = INT64_MAX;
    Id id;

    std::string text() const; // opaque: base64url
    static std::optional<Cursor> parse(std::string_view text);
};

struct PageAsk {
    Cursor after;
    int limit = 20; // 1 to 100
};

template <class T> struct Page {
    std::vector<T> rows;
    std::optional<Cursor> next; // none: this is the last page
};

} // namespace ks::store
