#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ks {

namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kUrl[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr char kBase62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kBase62Len = 22; // ceil(128 / log2(62))

constexpr std::array<int8_t, 256> reverse(std::string_view alphabet) {
    std::array<int8_t, 256> table{};
    table.fill(-1);
    for (size_t i = 0; i < alphabet.size(); i++) {
        table[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
    }
    return table;
}

constexpr auto kFromHex = reverse(kHex);
constexpr auto kFromUrl = reverse(kUrl);

char lower_char(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

} // namespace

std::string hex_encode(Bytes in) {
    std::string out;
    out.reserve(in.size() * 2);
    for (uint8_t b : in) {
        out.push_back(kHex[b >> 4]);
        out.push_back(kHex[b & 15]);
    }
    return out;
}

std::optional<std::string> hex_decode(std::string_view in) {
    if (in.size() % 2 != 0) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(in.size() / 2);
    for (size_t i = 0; i < in.size(); i += 2) {
        int hi = kFromHex[static_cast<uint8_t>(lower_char(in[i]))];
        int lo = kFromHex[static_cast<uint8_t>(lower_char(in[i + 1]))];
        if (hi < 0 || lo < 0) {
            return std::nullopt;
        }
        out.push_back(static_cast<char>(hi << 4 | lo));
    }
    return out;
}

std::string base64url_encode(Bytes in) {
    std::string out((in.size() * 4 + 2) / 3, '\0');
    char *to = out.data();
    size_t i = 0;
    for (; i + 3 <= in.size(); i += 3) {
        uint32_t bits = static_cast<uint32_t>(in[i]) << 16 |
                        static_cast<uint32_t>(in[i + 1]) << 8 | in[i + 2];
        *to++ = kUrl[bits >> 18];
        *to++ = kUrl[bits >> 12 & 63];
        *to++ = kUrl[bits >> 6 & 63];
        *to++ = kUrl[bits & 63];
    }
    if (i < in.size()) {
        bool two = i + 1 < in.size();
        uint32_t bits = static_cast<uint32_t>(in[i]) << 16 |
                        (two ? static_cast<uint32_t>(in[i + 1]) << 8 : 0);
        *to++ = kUrl[bits >> 18];
        *to++ = kUrl[bits >> 12 & 63];
        if (two) {
            *to++ = kUrl[bits >> 6 & 63];
        }
    }
    return out;
}

std::string base64_encode(Bytes in) {
    std::string out = base64url_encode(in);
    std::replace(out.begin(), out.end(), '-', '+');
    std::replace(out.begin(), out.end(), '_', '/');
    out.resize((out.size() + 3) / 4 * 4, '=');
    return out;
}

std::optional<std::string> base64url_decode(std::string_view in) {
    size_t rest = in.size() % 4; // characters of a last, shorter group
    if (rest == 1) {
        return std::nullopt;
    }
    std::string out(in.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1), '\0');
    char *to = out.data();
    size_t i = 0;
    auto value = [&](size_t at) -> int {
        return kFromUrl[static_cast<uint8_t>(in[at])];
    };
    for (; i + 4 <= in.size(); i += 4) {
        int bits = value(i) << 18 | value(i + 1) << 12 | value(i + 2) << 6 |
                   value(i + 3);
        if (bits < 0) { // one of them is: -1 has all bits
            return std::nullopt;
        }
        *to++ = static_cast<char>(bits >> 16);
        *to++ = static_cast<char>(bits >> 8);
        *to++ = static_cast<char>(bits);
    }
    if (rest > 0) {
        int bits = value(i) << 18 | value(i + 1) << 12 |
                   (rest == 3 ? value(i + 2) << 6 : 0);
        int unused = rest == 3 ? 0xff : 0xffff;
        if (bits < 0 || (bits & unused) != 0) {
            return std::nullopt;
        }
        *to++ = static_cast<char>(bits >> 16);
        if (rest == 3) {
            *to++ = static_cast<char>(bits >> 8);
        }
    }
    return out;
}

std::string base62_encode(std::span<const uint8_t, 16> in) {
    unsigned __int128 v = 0;
    for (uint8_t b : in) {
        v = v << 8 | b;
    }
    // Ten digits at a time: dividing 128 bits is slow, 64 bits is not.
    constexpr uint64_t kTenDigits = 839299365868340224; // 62^10
    std::string out(kBase62Len, '0');
    size_t end = kBase62Len;
    while (end > 0) {
        size_t begin = end > 10 ? end - 10 : 0;
        auto low = static_cast<uint64_t>(v % kTenDigits);
        v /= kTenDigits;
        for (size_t i = end; i > begin; i--) {
            out[i - 1] = kBase62[low % 62];
            low /= 62;
        }
        end = begin;
    }
    return out;
}

bool is_base62(std::string_view s) {
    for (char c : s) {
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                  (c >= 'a' && c <= 'z');
        if (!ok) {
            return false;
        }
    }
    return true;
}

std::optional<std::array<uint8_t, 16>> base62_decode(std::string_view in) {
    if (in.size() != kBase62Len || !is_base62(in)) {
        return std::nullopt;
    }
    unsigned __int128 v = 0;
    constexpr auto kMax = ~static_cast<unsigned __int128>(0);
    for (char c : in) {
        unsigned digit = c <= '9'   ? static_cast<unsigned>(c - '0')
                         : c <= 'Z' ? static_cast<unsigned>(c - 'A') + 10
                                    : static_cast<unsigned>(c - 'a') + 36;
        if (v > (kMax - digit) / 62) {
            return std::nullopt; // more than 128 bits
        }
        v = v * 62 + digit;
    }
    std::array<uint8_t, 16> out;
    for (size_t i = out.size(); i-- > 0; v >>= 8) {
        out[i] = static_cast<uint8_t>(v);
    }
    return out;
}

bool iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); i++) {
        if (lower_char(a[i]) != lower_char(b[i])) {
            return false;
        }
    }
    return true;
}

std::string lower(std::string_view s) {
    std::string out(s);
    for (char &c : out) {
        c = lower_char(c);
    }
    return out;
}

std::string_view trim(std::string_view s) {
    constexpr std::string_view kBlank = " \t\r\n";
    size_t first = s.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return s.substr(first, s.find_last_not_of(kBlank) - first + 1);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    unsigned char diff = 0;
    for (size_t i = 0; i < a.size(); i++) {
        diff = static_cast<unsigned char>(diff | (a[i] ^ b[i]));
    }
    return diff == 0;
}

void wipe(void *p, size_t len) { explicit_bzero(p, len); }

} // namespace ks
