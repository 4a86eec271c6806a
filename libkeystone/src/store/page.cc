#include "store/page.h"

#include "base/bytes.h"

#include <charconv>

namespace ks::store {

std::string Cursor::text() const {
    std::string plain = std::to_string(created_at) + '.' + id.str();
    return base64url_encode(as_bytes(plain));
}

std::optional<Cursor> Cursor::parse(std::string_view text) {
    auto plain = base64url_decode(text);
    if (!plain) {
        return std::nullopt;
    }
    Cursor cursor;
    const char *first = plain->data();
    const char *last = first + plain->size();
    auto [dot, failed] = std::from_chars(first, last, cursor.created_at);
    if (failed != std::errc() || dot == last || *dot != '.') {
        return std::nullopt;
    }
    std::string_view id(dot + 1, static_cast<size_t>(last - dot - 1));
    size_t mark = id.find('_');
    if (mark == std::string_view::npos || !is_id(id.substr(0, mark + 1), id)) {
        return std::nullopt;
    }
    cursor.id.assign(id);
    return cursor;
}

} // namespace ks::store
