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

// From limit + 1 rows, newest first; the extra one only tells that there is
// more.  T has id and `at` (its created_at by default).
template <class T, class Rows, class Read>
Page<T> page_of(const Rows &rows, int limit, Read read,
                WallMs T::*at = &T::created_at) {
    Page<T> page;
    auto most = static_cast<size_t>(limit);
    for (size_t i = 0; i < rows.size() && i < most; i++) {
        page.rows.push_back(read(rows[i]));
    }
    if (rows.size() > most) {
        const T &last = page.rows.back();
        page.next.emplace(Cursor{last.*at, last.id});
    }
    return page;
}

} // namespace ks::store
