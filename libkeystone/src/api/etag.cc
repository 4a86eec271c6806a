#include "api/etag.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace ks::api {

std::string make_etag(int64_t version, std::string_view body) {
    // The same on every host: the key only has to be constant.
    constexpr SipKey kKey{0x6b657973746f6e65, 0x65746167};
    char text[48];
    int len =
        std::snprintf(text, sizeof(text), "\"v%" PRId64 "-%016" PRIx64 "\"",
                      version, siphash24(kKey, body));
    return std::string(text, static_cast<size_t>(len));
}

IfMatch::IfMatch(std::string_view list) : given_(!list.empty()) {
    if (trim(list) == "*") {
        any_ = true;
        return;
    }
    while (!list.empty()) {
        size_t comma = list.find(',');
        std::string_view tag = trim(list.substr(0, comma));
        list = comma == std::string_view::npos ? std::string_view()
                                               : list.substr(comma + 1);
        if (!tag.starts_with("\"v") || !tag.ends_with('"')) {
            continue; // weak, or never ours
        }
        tag.remove_prefix(2);
        int64_t version = 0;
        auto [end, failed] =
            std::from_chars(tag.data(), tag.data() + tag.size(), version);
        if (failed == std::errc() && *end == '-') {
            versions_.push_back(version);
        }
    }
}

std::optional<int64_t> IfMatch::version(int64_t believed) const {
    if (!given_ || any_ || versions_.empty()) {
        return std::nullopt;
    }
    bool named = std::find(versions_.begin(), versions_.end(), believed) !=
                 versions_.end();
    return named ? believed : versions_.front();
}

} // namespace ks::api
