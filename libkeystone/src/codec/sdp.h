// Judges offers before the media server is asked, because that one only hangs
// up: invalid_sdp (400) for what is no SDP, unsupported_sdp (422) for what it
// would not take, with a detail that names what is missing.
//
// Taken on purpose: any of setup:actpass, active and passive (FFmpeg's);
// simulcast (left out of the answer); audio or video alone; audio and video of
// different MediaStreams (both go into the one stream); no rtcp-mux-only, no
// a=msid, no candidates.
// Refused although SRS would say 201: offers without ICE credentials or a
// fingerprint, which can never connect and would hold the name.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace ks::codec {

struct OfferInfo {
    std::string ufrag; // the first section's: SRS's session is named after it
    bool has_audio = false;
    bool has_video = false;
};

// Publishing: sendonly or sendrecv, H264 (packetization-mode=1), Opus.
Result<OfferInfo> check_whip_offer(std::string_view text);
// Playing: recvonly or sendrecv, H264, Opus.
Result<OfferInfo> check_whep_offer(std::string_view text);

// The body of a PATCH, application/trickle-ice-sdpfrag (RFC 8840).
struct TrickleFragment {
    std::string ufrag; // another than the offer's: an ICE restart
    int candidates = 0;
    bool end = false; // a=end-of-candidates
};

// invalid_sdp for what is no fragment.  Candidates are read for their form
// only: unknown transports and names nobody resolves are fine.
Result<TrickleFragment> check_trickle_fragment(std::string_view text);

} // namespace ks::codec
