// Rate limits: GCRA cells in shared memory, so all workers count together, and all
// hosts where there is a Redis (store/rates.h).
// The defaults are far from what a person or a busy NAT does.
#pragma once

#include "codec/http.h"
#include "conf/config.h"
#include "store/rates.h"
#include "zone/zone.h"

#include <optional>
#include <string_view>

namespace ks::gate {

// Names of the rate_limit directive.
namespace limit {
constexpr std::string_view kRegister = "register"; // per address
constexpr std::string_view kLogin = "login";       // per address, per account
constexpr std::string_view kRefresh = "refresh";   // per address
constexpr std::string_view kToken = "token";       // minting, per user
constexpr std::string_view kWhip = "whip";         // POST, per address
constexpr std::string_view kWhep = "whep";         // POST, per address
constexpr std::string_view kSession = "session";   // PATCH, DELETE, per address
constexpr std::string_view kPlay = "play"; // new HLS viewers, per address
constexpr std::string_view kRtmp = "rtmp"; // per address
} // namespace limit

struct Limited {
    std::string_view name;
    conf::RateLimit rate;
    int retry_after_s = 1;
};

class Limits {
  public:
    // `rates`: null where each host counts alone.
    Limits(const conf::Config &config, zone::Zone &zone,
           store::Rates *rates = nullptr)
        : config_(config), zone_(zone), rates_(rates) {}

    // Counts one; nothing: go ahead.
    std::optional<Limited> hit(std::string_view name, std::string_view who,
                               Millis now);
    // The same, and nothing is counted: for what counts only when it fails.
    std::optional<Limited> full(std::string_view name, std::string_view who,
                                Millis now);

  private:
    // None: it is off.
    std::optional<Limited> limit_of(std::string_view name) const;
    std::optional<Limited> refused(Limited limited, Millis wait);

    const conf::Config &config_;
    zone::Zone &zone_;
    store::Rates *rates_;
};

// draft-ietf-httpapi-ratelimit-headers: what the limit is, and that it is used
// up; and Retry-After.
void add_limit_headers(const Limited &limited, codec::Response &response);

} // namespace ks::gate
