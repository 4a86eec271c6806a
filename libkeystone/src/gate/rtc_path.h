// Where a request to WHIP or WHEP goes, in the forms that clients of SRS have:
//
//     whip/{stream}            whip/live/{stream}
//     whip?app=live&stream={stream}, whip/?...; ?action=play there plays
//     whip, whip/              the bearer is a stream key, which names it
//     whip/{stream}/{session}
//     whep, whip-play          the same, to play
//     whep/{stream}/{session}/events       where feeds of events are made
//     whep/{stream}/events/{feed}
#pragma once

#include "base/result.h"
#include "codec/http.h"
#include "model/session.h"

#include <string>
#include <string_view>

namespace ks::gate {

struct RtcPath {
    enum class What : uint8_t { endpoint, session, events, feed };

    What what = What::endpoint;
    model::Action action = model::Action::publish;
    std::string base;   // of our Locations: up to and with "whip" or "whep"
    std::string stream; // as the client named it; empty: the key does
    std::string session;
    std::string feed;
};

// `public_path` is the path of edge_base_url: what a proxy in front takes off
// before the request comes here, if the request does not have it.
Result<RtcPath> read_rtc_path(const codec::RequestView &request,
                              std::string_view public_path);

// "/media" of "https://live.example.org/media"; empty if there is none.
std::string_view path_of_url(std::string_view url);

// What was shown, the bearer first; empty for nothing, and for "undefined".
std::string rtc_credential(const codec::RequestView &request);

} // namespace ks::gate
