#include "api/etag.h"

#include "base/bytes.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace ks::api {

std::string make_etag(int64_t version, std::string_view body) {
    // Not keyed, so that all workers and hosts say the same; fast, because it
    // is made for every answer.
    uint64_t hash = std::hash<std::string_view>()(body);
    std::string text = "\"v";
    text += std::to_string(version);
    text += '-';
    for (int shift = 60; shift >= 0; shift -= 4) {
        text += "0123456789abcdef"[(hash >> shift) & 15];
    }
    text += '"';
    return text;
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
