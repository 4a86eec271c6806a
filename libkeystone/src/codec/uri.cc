#include "codec/uri.h"

#include "base/bytes.h"

#include <algorithm>

namespace ks::codec {

namespace {

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

bool is_unreserved(char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool decode(std::string_view text, bool plus_is_blank, std::string &out) {
    out.clear();
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); i++) {
        char c = text[i];
        if (c == '%') {
            int hi = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
            int lo = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return false;
            }
            c = static_cast<char>(hi << 4 | lo);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c == '\0') {
            return false;
        }
        out.push_back(c);
    }
    return true;
}

// Takes one entity tag, "W/" and quotes included, off the front of the list.
bool take_tag(std::string_view &list, std::string_view &tag) {
    size_t open = list.starts_with("W/") ? 2 : 0;
    if (open >= list.size() || list[open] != '"') {
        return false;
    }
    size_t close = list.find('"', open + 1);
    if (close == std::string_view::npos) {
        return false;
    }
    tag = list.substr(0, close + 1);
    list.remove_prefix(close + 1);
    return true;
}

template <class F> bool any_tag(std::string_view list, F matches) {
    list = trim(list);
    if (list == "*") {
        return true;
    }
    bool found = false;
    while (!list.empty()) {
        std::string_view tag;
        if (!take_tag(list, tag)) {
            return false;
        }
        found = found || matches(tag);
        list = trim(list);
        if (list.empty()) {
            break;
        }
        if (list[0] != ',') {
            return false;
        }
        list = trim(list.substr(1));
    }
    return found;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    if (!decode(text, false, out)) {
        return std::nullopt;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (char c : text) {
        if (is_unreserved(c)) {
            out.push_back(c);
        } else {
            auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(kHex[byte >> 4]);
            out.push_back(kHex[byte & 15]);
        }
    }
    return out;
}

Result<Query> Query::parse(std::string_view text) {
    Query query;
    while (!text.empty()) {
        size_t end = text.find('&');
        std::string_view pair = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size()
                                                         : end + 1);
        if (pair.empty()) {
            continue;
        }
        if (query.pairs_.size() == kMaxPairs) {
            return Error(Code::bad_request, "The query has more than " +
                                                std::to_string(kMaxPairs) +
                                                " parameters.");
        }
        size_t equals = pair.find('=');
        std::string_view raw_value = equals == std::string_view::npos
                                         ? std::string_view()
                                         : pair.substr(equals + 1);
        auto &[key, value] = query.pairs_.emplace_back();
        if (!decode(pair.substr(0, equals), true, key) ||
            !decode(raw_value, true, value)) {
            return Error(Code::bad_request,
                         "The query has a broken percent escape: write two "
                         "hexadecimal digits after each %.");
        }
    }
    return query;
}

Result<std::optional<std::string_view>> Query::get(std::string_view key) const {
    std::optional<std::string_view> found;
    for (const auto &[name, value] : pairs_) {
        if (name != key) {
            continue;
        }
        if (found) {
            return Error(Code::bad_request, "The query has \"" +
                                                std::string(key) +
                                                "\" more than once.");
        }
        found = value;
    }
    return found;
}

std::optional<std::string> query_value(std::string_view query,
                                       std::string_view key) {
    std::optional<std::string> found;
    while (!query.empty()) {
        size_t end = std::min(query.find('&'), query.size());
        std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (!pair.starts_with(key) || pair.size() <= key.size() ||
            pair[key.size()] != '=') {
            continue;
        }
        if (found) {
            return std::nullopt;
        }
        std::string value(pair.substr(key.size() + 1));
        std::replace(value.begin(), value.end(), '+', ' ');
        found = percent_decode(value);
        if (!found) {
            return std::nullopt;
        }
    }
    return found;
}

bool is_stream_name(std::string_view text) {
    if (text.empty() || text.size() > 64) {
        return false;
    }
    for (char c : text) {
        if (!is_alnum(c) && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

NameAndArgs split_name(std::string_view text) {
    size_t mark = text.find('?');
    if (mark == std::string_view::npos) {
        return {text, {}};
    }
    return {text.substr(0, mark), text.substr(mark + 1)};
}

std::optional<std::string_view> cookie(std::string_view header,
                                       std::string_view name) {
    while (!header.empty()) {
        size_t end = header.find(';');
        std::string_view pair = trim(header.substr(0, end));
        header.remove_prefix(end == std::string_view::npos ? header.size()
                                                           : end + 1);
        size_t equals = pair.find('=');
        if (equals == std::string_view::npos ||
            trim(pair.substr(0, equals)) != name) {
            continue;
        }
        std::string_view value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        return value;
    }
    return std::nullopt;
}

std::optional<std::string_view> bearer(std::string_view authorization) {
    constexpr std::string_view kScheme = "Bearer";
    authorization = trim(authorization);
    if (authorization.size() <= kScheme.size() ||
        !iequals(authorization.substr(0, kScheme.size()), kScheme) ||
        authorization[kScheme.size()] != ' ') {
        return std::nullopt;
    }
    std::string_view token = trim(authorization.substr(kScheme.size()));
    size_t padding = token.find('=');
    for (size_t i = 0; i < token.size(); i++) {
        char c = token[i];
        bool fine =
            i >= padding ? c == '=' : is_unreserved(c) || c == '+' || c == '/';
        if (!fine) {
            return std::nullopt;
        }
    }
    if (token.empty() || padding == 0) {
        return std::nullopt;
    }
    return token;
}

bool if_match(std::string_view list, std::string_view etag) {
    return any_tag(list, [&](std::string_view tag) { return tag == etag; });
}

bool if_none_match(std::string_view list, std::string_view etag) {
    return any_tag(list, [&](std::string_view tag) {
        return (tag.starts_with("W/") ? tag.substr(2) : tag) == etag;
    });
}

} // namespace ks::codec
