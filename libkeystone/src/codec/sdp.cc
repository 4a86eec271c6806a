#include "codec/sdp.h"

#include "base/bytes.h"
#include "codec/sdp_parse.h"

#include <algorithm>

namespace ks::codec {

namespace {

struct Wanted {
    std::string_view other_way; // a direction that will not do
    std::string_view cure;      // what to offer instead of it
    bool packetization;         // H264 has to be in mode 1
};

constexpr Wanted kWhip = {"recvonly", "sendonly", true};
constexpr Wanted kWhep = {"sendonly", "recvonly", false};

Error unsupported(std::string detail) {
    return Error(Code::unsupported_sdp, std::move(detail));
}

std::string section(const SdpMedia &media) {
    return "m=" + std::string(media.kind);
}

// "packetization-mode=1" among "a=1;b=2": RFC 6184 has 0 where it is missing.
bool has_parameter(std::string_view parameters, std::string_view wanted) {
    while (!parameters.empty()) {
        size_t end = parameters.find(';');
        if (iequals(trim(parameters.substr(0, end)), wanted)) {
            return true;
        }
        parameters.remove_prefix(
            end == std::string_view::npos ? parameters.size() : end + 1);
    }
    return false;
}

bool offers(const SdpMedia &media, const Wanted &wanted) {
    for (const SdpFormat &format : media.formats) {
        if (media.kind == "audio" && iequals(format.codec, "opus")) {
            return true;
        }
        if (media.kind == "video" && iequals(format.codec, "H264") &&
            (!wanted.packetization ||
             has_parameter(format.parameters, "packetization-mode=1"))) {
            return true;
        }
    }
    return false;
}

// The codecs there are, a few and short ones: they are a stranger's words.
std::string codecs_of(const SdpMedia &media) {
    constexpr size_t kShown = 6, kLength = 16;
    std::vector<std::string> names;
    for (const SdpFormat &format : media.formats) {
        std::string name(format.codec.substr(0, kLength));
        bool known = std::find(names.begin(), names.end(), name) != names.end();
        if (!name.empty() && !known && names.size() < kShown) {
            names.push_back(std::move(name));
        }
    }
    std::string text;
    for (const std::string &name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? "no codec by name" : text;
}

Result<void> check_section(const Sdp &sdp, const SdpMedia &media,
                           const Wanted &wanted) {
    const SdpTransport &transport = media.transport;
    if (media.kind == "application") {
        return unsupported("The offer has a data channel (m=application): "
                           "offer audio and video only.");
    }
    if (media.kind != "audio" && media.kind != "video") {
        return unsupported("The offer has a section that is neither audio nor "
                           "video: leave it out.");
    }
    if (media.disabled) {
        return unsupported("The " + section(media) +
                           " section has port 0: leave it out.");
    }
    if (!media.proto.ends_with("RTP/SAVPF")) {
        return unsupported("The " + section(media) +
                           " section is not WebRTC: its protocol must be "
                           "UDP/TLS/RTP/SAVPF.");
    }
    if (transport.direction == wanted.other_way ||
        transport.direction == "inactive") {
        return unsupported("The " + section(media) + " section is " +
                           std::string(transport.direction) + ": it must be " +
                           std::string(wanted.cure) + " or sendrecv.");
    }
    bool bundled = std::find(sdp.bundle.begin(), sdp.bundle.end(), media.mid) !=
                   sdp.bundle.end();
    if (!bundled) {
        return unsupported("The " + section(media) +
                           " section is not in the BUNDLE group: put the mid "
                           "of every section into a=group:BUNDLE.");
    }
    if (!media.rtcp_mux) {
        return unsupported("The " + section(media) +
                           " section lacks a=rtcp-mux.");
    }
    if (media.several_tracks) {
        return unsupported("The " + section(media) +
                           " section has several tracks: offer one.");
    }
    if (transport.ice_ufrag.empty() || transport.ice_pwd.empty()) {
        return unsupported("The " + section(media) +
                           " section lacks a=ice-ufrag or a=ice-pwd.");
    }
    if (!transport.fingerprint) {
        return unsupported("The " + section(media) +
                           " section lacks a=fingerprint: DTLS is needed.");
    }
    if (!transport.setup.empty() && transport.setup != "actpass" &&
        transport.setup != "active" && transport.setup != "passive") {
        return unsupported("The " + section(media) +
                           " section's a=setup must be actpass, active or "
                           "passive.");
    }
    if (!offers(media, wanted)) {
        std::string_view codec = media.kind == "audio" ? "Opus"
                                 : wanted.packetization
                                     ? "H264 with packetization-mode=1"
                                     : "H264";
        return unsupported("The " + section(media) + " section offers " +
                           codecs_of(media) + ", but not " +
                           std::string(codec) + ".");
    }
    return {};
}

Result<OfferInfo> check_offer(std::string_view text, const Wanted &wanted) {
    auto parsed = parse_sdp(text);
    if (!parsed) {
        return parsed.error();
    }
    const Sdp &sdp = *parsed;
    if (sdp.media.empty()) {
        return unsupported("The offer has neither audio nor video.");
    }
    if (!sdp.has_bundle) {
        return unsupported("The offer lacks a=group:BUNDLE: all sections go "
                           "over one transport.");
    }
    OfferInfo info;
    for (const SdpMedia &media : sdp.media) {
        auto checked = check_section(sdp, media, wanted);
        if (!checked) {
            return checked.error();
        }
        bool &seen = media.kind == "audio" ? info.has_audio : info.has_video;
        if (seen) {
            return unsupported("The offer has two " + section(media) +
                               " sections: one track of each kind.");
        }
        seen = true;
    }
    info.ufrag = std::string(sdp.media.front().transport.ice_ufrag);
    return info;
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= 10 &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
}

// foundation component transport priority address port "typ" type ...
bool is_candidate(std::string_view value) {
    std::string_view foundation = take_word(value);
    std::string_view component = take_word(value);
    std::string_view transport = take_word(value);
    std::string_view priority = take_word(value);
    std::string_view address = take_word(value);
    std::string_view port = take_word(value);
    std::string_view typ = take_word(value);
    return !foundation.empty() && is_digits(component) && !transport.empty() &&
           is_digits(priority) && !address.empty() && is_digits(port) &&
           typ == "typ" && !take_word(value).empty();
}

const char *take_fragment_line(TrickleFragment &fragment,
                               std::string_view line) {
    if (!is_sdp_text(line)) {
        return "it has control characters";
    }
    if (line.starts_with("m=")) {
        return nullptr;
    }
    if (!line.starts_with("a=") || line.size() == 2) {
        return "a fragment has a= and m= lines only";
    }
    line.remove_prefix(2);
    if (line.starts_with("ice-ufrag:")) {
        std::string_view ufrag = trim(line.substr(10));
        if (!is_ice_ufrag(ufrag)) {
            return "ice-ufrag is 4 to 256 characters of A-Z a-z 0-9 + /";
        }
        if (!fragment.ufrag.empty() && fragment.ufrag != ufrag) {
            return "it has two different ice-ufrag";
        }
        fragment.ufrag = std::string(ufrag);
    } else if (line.starts_with("ice-pwd:")) {
        if (!is_ice_pwd(trim(line.substr(8)))) {
            return "ice-pwd is 22 to 256 characters of A-Z a-z 0-9 + /";
        }
    } else if (line.starts_with("candidate:")) {
        if (!is_candidate(line.substr(10))) {
            return "a candidate has a foundation, component, transport, "
                   "priority, address, port and type";
        }
        fragment.candidates++;
    } else if (line == "end-of-candidates") {
        fragment.end = true;
    }
    return nullptr;
}

} // namespace

Result<OfferInfo> check_whip_offer(std::string_view text) {
    return check_offer(text, kWhip);
}

Result<OfferInfo> check_whep_offer(std::string_view text) {
    return check_offer(text, kWhep);
}

Result<TrickleFragment> check_trickle_fragment(std::string_view text) {
    if (text.empty() || text.size() > kMaxSdp) {
        return Error(Code::invalid_sdp,
                     "The ICE fragment is empty or larger than 64 KiB.");
    }
    TrickleFragment fragment;
    size_t number = 0;
    std::string_view line;
    while (take_sdp_line(text, line)) {
        number++;
        if (line.empty() && text.empty() && number > 1) {
            break;
        }
        if (const char *wrong = take_fragment_line(fragment, line)) {
            return Error(Code::invalid_sdp,
                         "The ICE fragment is malformed in line " +
                             std::to_string(number) + ": " + wrong + ".");
        }
    }
    return fragment;
}

} // namespace ks::codec
