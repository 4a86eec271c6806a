#include "codec/sdp_parse.h"

#include "base/bytes.h"
#include "codec/scan.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace ks::codec {

namespace {

bool is_number(std::string_view text, unsigned max) {
    unsigned value = 0;
    const char *end = text.data() + text.size();
    auto [stop, failed] = std::from_chars(text.data(), end, value);
    return failed == std::errc() && stop == end && value <= max;
}

bool is_ice_text(std::string_view text, size_t min) {
    if (text.size() < min || text.size() > 256) {
        return false;
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               (c >= '0' && c <= '9') || c == '+' || c == '/';
    });
}

bool is_control(std::string_view text, size_t at) {
    auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\r') { // a part of a line's end, or of the text's
        return at + 1 < text.size() && text[at + 1] != '\n';
    }
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
}

// The first control character that is no tab and no end of a line, over all
// lines in one go.
size_t find_control(std::string_view text) {
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        uint64_t v;
        std::memcpy(&v, text.data() + at, 8);
        uint64_t odd = scan::each_below(v, 0x20);
        odd |= scan::each_equal(v, 0x7f);
        if (odd == 0) {
            continue;
        }
        odd &= ~scan::each_equal(v, '\n');
        odd &= ~scan::each_equal(v, '\t');
        for (; odd != 0; odd &= odd - 1) {
            size_t one = at + scan::first(odd);
            if (is_control(text, one)) {
                return one;
            }
        }
    }
    for (; at < text.size(); at++) {
        if (is_control(text, at)) {
            return at;
        }
    }
    return std::string_view::npos;
}

// One pass over the lines; what is wrong is put into words by the caller.
class Parser {
  public:
    explicit Parser(std::string_view text) : left_(text) {}

    Result<Sdp> run() {
        std::string_view line;
        size_t odd = find_control(left_);
        if (odd != std::string_view::npos) {
            number_ += static_cast<size_t>(
                std::count(left_.begin(),
                           left_.begin() + static_cast<ptrdiff_t>(odd), '\n'));
            number_++;
            return malformed("it has control characters");
        }
        while (take_sdp_line(left_, line)) {
            number_++;
            if (line.empty() && left_.empty() && number_ > 1) {
                break; // an empty line at the end
            }
            const char *wrong = take(line);
            if (wrong != nullptr) {
                return malformed(wrong);
            }
        }
        if (!origin_ || !name_) {
            return Error(Code::invalid_sdp,
                         "The SDP lacks its head: v=, o= and s= lines.");
        }
        return std::move(sdp_);
    }

  private:
    Error malformed(const char *wrong) const {
        return Error(Code::invalid_sdp, "The SDP is malformed in line " +
                                            std::to_string(number_) + ": " +
                                            wrong + ".");
    }

    const char *take(std::string_view line) {
        if (number_ == 1) {
            return line == "v=0" ? nullptr : "it must begin with v=0";
        }
        if (line.size() < 2 || line[1] != '=' || line[0] < 'a' ||
            line[0] > 'z') {
            return "a line is a letter, an equals sign and a value";
        }
        std::string_view value = line.substr(2);
        switch (line[0]) {
        case 'v':
            return "v= comes once";
        case 'o':
            origin_ = true;
            return nullptr;
        case 's':
            name_ = true;
            return nullptr;
        case 'm':
            return take_media(value);
        case 'a':
            return take_attribute(value);
        default:
            return nullptr;
        }
    }

    const char *take_media(std::string_view value) {
        if (sdp_.media.size() == kMaxSdpMedia) {
            return "it has more than 16 media sections";
        }
        if (!origin_ || !name_) {
            return "o= and s= come before m=";
        }
        format_at_ = 0;
        SdpMedia media;
        media.formats.reserve(32);
        media.kind = take_word(value);
        std::string_view port = take_word(value);
        port = port.substr(0, port.find('/'));
        media.proto = take_word(value);
        if (media.kind.empty() || !is_number(port, 65535) ||
            media.proto.empty()) {
            return "m= has a kind, a port, a protocol and formats";
        }
        media.disabled = is_number(port, 0);
        while (!value.empty()) {
            std::string_view id = take_word(value);
            if (id.empty()) {
                continue;
            }
            if (media.formats.size() == kMaxSdpFormats) {
                return "it has more than 128 formats";
            }
            SdpFormat format;
            format.id = id;
            media.formats.push_back(format);
        }
        if (media.formats.empty()) {
            return "m= has a kind, a port, a protocol and formats";
        }
        media.transport = session_;
        sdp_.media.push_back(std::move(media));
        return nullptr;
    }

    const char *take_attribute(std::string_view text) {
        size_t colon = text.find(':');
        std::string_view name = text.substr(0, colon);
        std::string_view value = colon == std::string_view::npos
                                     ? std::string_view()
                                     : text.substr(colon + 1);
        if (name.empty()) {
            return "a= has a name";
        }
        SdpMedia *media = sdp_.media.empty() ? nullptr : &sdp_.media.back();
        if (media != nullptr && is_common(name)) {
            return take_media_attribute(*media, name, value);
        }
        const char *wrong = take_transport(
            media != nullptr ? media->transport : session_, name, value);
        if (wrong != nullptr) {
            return wrong;
        }
        return media != nullptr ? take_media_attribute(*media, name, value)
                                : take_session_attribute(name, value);
    }

    // Nine lines of ten are of these, and none of them is about transport.
    static bool is_common(std::string_view name) {
        return name == "rtpmap" || name == "fmtp" || name == "rtcp-fb" ||
               name == "extmap" || name == "candidate" || name == "ssrc";
    }

    static const char *take_transport(SdpTransport &transport,
                                      std::string_view name,
                                      std::string_view value) {
        if (name == "sendrecv" || name == "sendonly" || name == "recvonly" ||
            name == "inactive") {
            transport.direction = name;
        } else if (name == "setup") {
            transport.setup = trim(value);
        } else if (name == "fingerprint") {
            transport.fingerprint = true;
        } else if (name == "ice-ufrag") {
            transport.ice_ufrag = trim(value);
            if (!is_ice_ufrag(transport.ice_ufrag)) {
                return "ice-ufrag is 4 to 256 characters of A-Z a-z 0-9 + /";
            }
        } else if (name == "ice-pwd") {
            transport.ice_pwd = trim(value);
            if (!is_ice_pwd(transport.ice_pwd)) {
                return "ice-pwd is 22 to 256 characters of A-Z a-z 0-9 + /";
            }
        }
        return nullptr;
    }

    const char *take_session_attribute(std::string_view name,
                                       std::string_view value) {
        if (name != "group" || take_word(value) != "BUNDLE") {
            return nullptr;
        }
        if (sdp_.has_bundle) {
            return "it has two BUNDLE groups";
        }
        sdp_.has_bundle = true;
        while (!value.empty()) {
            std::string_view mid = take_word(value);
            if (!mid.empty()) {
                sdp_.bundle.push_back(mid);
            }
            if (sdp_.bundle.size() > kMaxSdpMedia) {
                return "its BUNDLE group has more than 16 entries";
            }
        }
        return nullptr;
    }

    const char *take_media_attribute(SdpMedia &media, std::string_view name,
                                     std::string_view value) {
        if (name == "mid") {
            return take_mid(media, trim(value));
        }
        if (name == "rtcp-mux" || name == "rtcp-mux-only") {
            media.rtcp_mux = true;
        } else if (name == "bundle-only") {
            media.disabled = false;
        } else if (name == "rtpmap") {
            if (SdpFormat *format = format_of(media, take_word(value))) {
                std::string_view codec = take_word(value);
                format->codec = codec.substr(0, codec.find('/'));
            }
        } else if (name == "fmtp") {
            if (SdpFormat *format = format_of(media, take_word(value))) {
                format->parameters = value;
            }
        } else if (name == "ssrc") {
            take_ssrc(media, value);
        }
        return nullptr;
    }

    const char *take_mid(SdpMedia &media, std::string_view mid) {
        if (mid.empty() || !media.mid.empty()) {
            return "a section has one mid";
        }
        for (const SdpMedia &other : sdp_.media) {
            if (other.mid == mid) {
                return "two sections have the same mid";
            }
        }
        media.mid = mid;
        return nullptr;
    }

    // "<ssrc> msid:<stream> <track>": one track a section, or it is "plan B".
    static void take_ssrc(SdpMedia &media, std::string_view value) {
        take_word(value);
        if (!value.starts_with("msid:")) {
            return;
        }
        if (media.ssrc_msid.empty()) {
            media.ssrc_msid = value;
        } else if (media.ssrc_msid != value) {
            media.several_tracks = true;
        }
    }

    // Lines about formats come in their order mostly: the search goes on where
    // the last one ended.
    SdpFormat *format_of(SdpMedia &media, std::string_view id) {
        size_t n = media.formats.size();
        for (size_t i = 0; i < n; i++) {
            size_t at =
                format_at_ + i < n ? format_at_ + i : (format_at_ + i) % n;
            if (media.formats[at].id == id) {
                format_at_ = at;
                return &media.formats[at];
            }
        }
        return nullptr;
    }

    std::string_view left_;
    size_t number_ = 0;
    bool origin_ = false;
    bool name_ = false;
    size_t format_at_ = 0; // in the formats of the section being read
    SdpTransport session_;
    Sdp sdp_;
};

} // namespace

bool take_sdp_line(std::string_view &text, std::string_view &line) {
    if (text.empty()) {
        return false;
    }
    size_t end = text.find('\n');
    line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return true;
}

bool is_sdp_text(std::string_view line) {
    for (size_t i = skip_printable(line, 0); i < line.size(); i++) {
        auto byte = static_cast<unsigned char>(line[i]);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

std::string_view take_word(std::string_view &text) {
    size_t end = text.find(' ');
    std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return word;
}

bool is_ice_ufrag(std::string_view text) { return is_ice_text(text, 4); }
bool is_ice_pwd(std::string_view text) { return is_ice_text(text, 22); }

Result<Sdp> parse_sdp(std::string_view text) {
    if (text.empty()) {
        return Error(Code::invalid_sdp, "The body is empty: send an offer.");
    }
    if (text.size() > kMaxSdp) {
        return Error(Code::invalid_sdp, "The SDP is larger than 64 KiB.");
    }
    return Parser(text).run();
}

} // namespace ks::codec
