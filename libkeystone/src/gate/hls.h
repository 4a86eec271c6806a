// HLS and FLV: playlists and segments, authorised from shared memory.
//
//     /live/{stream}.m3u8            /live/{stream}-12.ts   /live/{stream}.flv
//     /live/{stream}/index.m3u8      /live/{stream}/12.ts   (hls_nested)
//     /live/t/{token}/{any of these}: children inherit the token
#pragma once

#include "codec/http.h"
#include "gate/access.h"
#include "gate/limits.h"
#include "gate/outcome.h"
#include "gate/sessions.h"
#include "gate/ticket.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::gate {

struct HlsPath {
    std::string_view stream;
    std::string_view token; // from the path, or empty
    std::string_view rest;  // what lies below the location without the token
    bool playlist = false;
    bool flv = false;

    bool begins() const { return playlist || flv; }
};

// `path`: the uri behind the location's prefix.  Nothing for a name that is not
// one of the forms above: 404.
std::optional<HlsPath> parse_hls_path(std::string_view path);

class Hls {
  public:
    Hls(Access &access, Limits &limits, Sessions &sessions, zone::Zone &zone,
        const Tickets &tickets, rt::Loop &loop)
        : access_(access), limits_(limits), sessions_(sessions), zone_(zone),
          tickets_(tickets), loop_(loop) {}

    // FLV: `session` of the outcome lasts as long as the request; whoever ends
    // that calls this.
    void ended(const Id &session);

    // From shared memory alone; nothing when the store has to be asked.
    std::optional<Outcome> now(const codec::RequestView &request);
    rt::Task<Outcome> later(const codec::Request &request);

  private:
    struct Case;
    bool read(const codec::RequestView &request, Case &c);
    Outcome judge(const codec::RequestView &request, const Case &c,
                  const Decision &decision);
    void join(const codec::RequestView &request, Case &c, Decision &decision);
    zone::HashKey viewer_of(const codec::RequestView &request, const Case &c);

    Access &access_;
    Limits &limits_;
    Sessions &sessions_;
    zone::Zone &zone_;
    const Tickets &tickets_;
    rt::Loop &loop_;
};

} // namespace ks::gate
