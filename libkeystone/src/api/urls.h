// Where a stream is published and played: from the configured base URLs, or,
// where one is missing, from what the client itself called us.
#pragma once

#include "codec/http.h"
#include "conf/config.h"

#include <string>
#include <string_view>

namespace ks::api {

// The bases as they are for one request; each without a slash at its end.
struct Bases {
    std::string web;  // https://live.example.org: WHIP, WHEP, page
    std::string hls;  // https://live.example.org
    std::string rtmp; // rtmp://live.example.org/live
    std::string srt;  // srt://live.example.org:10080

    std::string whip(std::string_view stream) const;
    std::string whep(std::string_view stream) const;
    std::string playlist(std::string_view stream) const;
    // Children of the playlist inherit the token with the path.
    std::string playlist(std::string_view stream, std::string_view token) const;
    std::string rtmp_url(std::string_view stream) const;
    std::string srt_publish(std::string_view stream,
                            std::string_view token) const;
    std::string page(std::string_view stream) const;
};

class Urls {
  public:
    explicit Urls(const conf::Config &config) : config_(config) {}

    Bases bases(const codec::RequestView &request) const;

    // A media server is configured: without one there is no WHIP and no SRT.
    bool has_srs() const { return !config_.srs_nodes.empty(); }

  private:
    const conf::Config &config_;
};

} // namespace ks::api
