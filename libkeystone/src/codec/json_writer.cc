#include "codec/json_writer.h"

#include "codec/scan.h"
#include "codec/utf8.h"

#include <array>
#include <charconv>
#include <cmath>

namespace ks::codec {

namespace {

// Bytes that go out as they are.
constexpr std::array<bool, 256> plain_bytes() {
    std::array<bool, 256> plain{};
    for (size_t c = 0x20; c < 0x80; c++) {
        plain[c] = c != '"' && c != '\\';
    }
    return plain;
}

constexpr auto kPlain = plain_bytes();

void append_escape(std::string &out, char c) {
    constexpr char kHex[] = "0123456789abcdef";
    out += '\\';
    switch (c) {
    case '"':
    case '\\':
        out += c;
        return;
    case '\n':
        out += 'n';
        return;
    case '\r':
        out += 'r';
        return;
    case '\t':
        out += 't';
        return;
    default:
        out += "u00";
        out += kHex[static_cast<uint8_t>(c) >> 4];
        out += kHex[c & 15];
    }
}

} // namespace

void append_json_string(std::string &out, std::string_view text) {
    out += '"';
    size_t run = 0; // start of what is copied as it is
    size_t i = skip_plain_json(text, 0);
    while (i < text.size()) {
        auto c = static_cast<uint8_t>(text[i]);
        if (kPlain[c]) {
            i++;
            continue;
        }
        size_t length = c < 0x80 ? 0 : utf8_at(text, i);
        if (length > 0) {
            i += length;
            continue;
        }
        out.append(text, run, i - run);
        if (c < 0x80) {
            append_escape(out, text[i]);
        } else {
            out += "\xEF\xBF\xBD";
        }
        run = ++i;
    }
    out.append(text, run);
    out += '"';
}

JsonWriter &JsonWriter::integer(int64_t value) {
    char digits[24];
    auto [end, failed] = std::to_chars(digits, digits + sizeof(digits), value);
    (void)failed; // 20 characters at most
    return raw({digits, static_cast<size_t>(end - digits)});
}

JsonWriter &JsonWriter::real(double value) {
    if (!std::isfinite(value)) {
        return null();
    }
    char digits[40];
    auto [end, failed] = std::to_chars(digits, digits + 32, value);
    (void)failed; // 24 characters at most
    std::string_view text(digits, static_cast<size_t>(end - digits));
    if (text.find_first_of(".e") == std::string_view::npos) {
        *end++ = '.'; // stays a real when it is read again
        *end++ = '0';
    }
    return raw({digits, static_cast<size_t>(end - digits)});
}

JsonWriter &JsonWriter::time(WallMs value) {
    return value == 0 ? null() : string(rfc3339(value));
}

} // namespace ks::codec
