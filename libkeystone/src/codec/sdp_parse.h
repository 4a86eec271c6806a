// SDP (RFC 8866) as far as an offer is judged by it.  For sdp.cc.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ks::codec {

constexpr size_t kMaxSdp = 64 * 1024;
constexpr size_t kMaxSdpMedia = 16;
constexpr size_t kMaxSdpFormats = 128; // RTP has that many payload types

// Views into the text that was parsed.
struct SdpFormat {
    std::string_view id;         // payload type, or a name for what is not RTP
    std::string_view codec;      // of a=rtpmap, without the clock rate
    std::string_view parameters; // of a=fmtp
};

// What may stand at session level, too, and then holds for every section.
struct SdpTransport {
    std::string_view direction; // "sendonly" ...; empty: none given
    std::string_view setup;
    std::string_view ice_ufrag;
    std::string_view ice_pwd;
    bool fingerprint = false;
};

struct SdpMedia {
    std::string_view kind;  // "audio", "video", "application" ...
    std::string_view proto; // "UDP/TLS/RTP/SAVPF"
    std::string_view mid;
    std::string_view ssrc_msid; // of the first a=ssrc that has one
    bool disabled = false;      // port 0, and not because it is bundled
    bool rtcp_mux = false;
    bool several_tracks = false; // a=ssrc lines of different tracks
    SdpTransport transport;
    std::vector<SdpFormat> formats;
};

struct Sdp {
    std::vector<std::string_view> bundle; // the mids of a=group:BUNDLE
    bool has_bundle = false;
    std::vector<SdpMedia> media;
};

// The next line without its end (CRLF or LF); false at the end.
bool take_sdp_line(std::string_view &text, std::string_view &line);
// Printable, tab, or part of UTF-8: nothing else belongs into a line.
bool is_sdp_text(std::string_view line);
// The next word, up to a blank; empty at the end.
std::string_view take_word(std::string_view &text);
// RFC 8839: 4 to 256 characters, 22 to 256, of [A-Za-z0-9+/].
bool is_ice_ufrag(std::string_view text);
bool is_ice_pwd(std::string_view text);

// invalid_sdp, naming the line.
Result<Sdp> parse_sdp(std::string_view text);

} // namespace ks::codec
