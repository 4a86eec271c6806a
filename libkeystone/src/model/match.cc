// Addresses against blocks, origins against a list.
#include "model/policy.h"

#include "base/bytes.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <optional>

namespace ks::model {

namespace {

struct Block {
    bool v4 = false;
    unsigned bits = 0; // how many of the first ones count
    uint8_t bytes[16] = {};
};

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool parse_v4(std::string_view text, uint8_t out[4]) {
    size_t i = 0;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (i >= text.size() || text[i++] != '.')) {
            return false;
        }
        size_t first = i;
        unsigned value = 0;
        while (i < text.size() && text[i] >= '0' && text[i] <= '9' &&
               i - first < 3) {
            value = value * 10 + static_cast<unsigned>(text[i++] - '0');
        }
        bool octal = i - first > 1 && text[first] == '0';
        if (i == first || value > 255 || octal) {
            return false;
        }
        out[part] = static_cast<uint8_t>(value);
    }
    return i == text.size();
}

// An address alone is a block of all its bits.
std::optional<Block> parse_address(std::string_view text) {
    Block block;
    if (parse_v4(text, block.bytes)) {
        block.v4 = true;
        block.bits = 32;
        return block;
    }
    char buffer[INET6_ADDRSTRLEN];
    if (text.size() >= sizeof(buffer) ||
        text.find(':') == std::string_view::npos) {
        return std::nullopt;
    }
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    if (std::memchr(buffer, '\0', text.size()) != nullptr ||
        inet_pton(AF_INET6, buffer, block.bytes) != 1) {
        return std::nullopt;
    }
    block.bits = 128;
    return block;
}

void unmap(Block &block) {
    if (!block.v4 && block.bits >= 96 &&
        std::memcmp(block.bytes, kMapped, sizeof(kMapped)) == 0) {
        std::memmove(block.bytes, block.bytes + sizeof(kMapped), 4);
        block.bits -= 96;
        block.v4 = true;
    }
}

std::optional<Block> parse_rule(std::string_view text) {
    size_t slash = text.find('/');
    auto block = parse_address(text.substr(0, slash));
    if (block && slash != std::string_view::npos) {
        std::string_view digits = text.substr(slash + 1);
        unsigned bits = 0;
        auto [end, failed] =
            std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (failed != std::errc() || end != digits.data() + digits.size() ||
            digits.size() > 3 || bits > block->bits) {
            return std::nullopt;
        }
        block->bits = bits;
    }
    if (block) {
        unmap(*block);
    }
    return block;
}

bool covers(const Block &rule, const Block &address) {
    if (rule.v4 != address.v4) {
        return false;
    }
    unsigned whole = rule.bits / 8;
    if (std::memcmp(rule.bytes, address.bytes, whole) != 0) {
        return false;
    }
    unsigned rest = rule.bits % 8;
    if (rest == 0) {
        return true;
    }
    unsigned differs = rule.bytes[whole] ^ address.bytes[whole];
    return differs >> (8 - rest) == 0;
}

// Calls `holds` with each word until it says yes.
template <class F> bool any_word(std::string_view list, F holds) {
    while (!list.empty()) {
        size_t end = list.find(' ');
        std::string_view word = list.substr(0, end);
        if (!word.empty() && holds(word)) {
            return true;
        }
        list.remove_prefix(end == std::string_view::npos ? list.size()
                                                         : end + 1);
    }
    return false;
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), port);
    return failed == std::errc() && end == text.data() + text.size() &&
           text[0] != '0' && port <= 65535;
}

bool is_host(std::string_view text) {
    if (text.starts_with('[')) {
        return text.ends_with(']') &&
               parse_address(text.substr(1, text.size() - 2)).has_value();
    }
    if (text.empty() || text.size() > 253) {
        return false;
    }
    for (char c : text) {
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                  (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
        if (!ok) {
            return false;
        }
    }
    return true;
}

} // namespace

bool ip_matches(std::string_view list, std::string_view ip) {
    auto address = parse_address(ip);
    if (!address) {
        return false;
    }
    unmap(*address);
    return any_word(list, [&](std::string_view word) {
        auto rule = parse_rule(word);
        return rule && covers(*rule, *address);
    });
}

bool origin_matches(std::string_view list, std::string_view origin) {
    return any_word(
        list, [&](std::string_view word) { return iequals(word, origin); });
}

bool is_ip_rule(std::string_view text) { return parse_rule(text).has_value(); }

bool is_origin(std::string_view text) {
    size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0) {
        return false;
    }
    for (char c : text.substr(0, scheme)) {
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!ok) {
            return false;
        }
    }
    std::string_view host = text.substr(scheme + 3);
    size_t colon = host.rfind(':');
    size_t bracket = host.rfind(']');
    bool has_port = colon != std::string_view::npos &&
                    (bracket == std::string_view::npos || colon > bracket);
    if (has_port && !is_port(host.substr(colon + 1))) {
        return false;
    }
    return is_host(host.substr(0, has_port ? colon : host.size()));
}

} // namespace ks::model
