// Rate limits of all hosts together.  A host decides by itself, at once
// (zone/limits.h); what it let in is counted in Redis, too, and what comes back
// is what all of them let in, which its own cell is raised to.  So hosts agree
// within a round trip, nobody waits for Redis, and without it each host has a
// limit of its own.
#pragma once

#include "store/shared.h"
#include "zone/zone.h"

#include <string>
#include <string_view>

namespace ks::store {

class Rates {
  public:
    // Beyond that, what a host lets in is known to itself alone.
    static constexpr size_t kMaxInFlight = 256;

    Rates(Shared &shared, zone::Zone &zone) : shared_(shared), zone_(zone) {}

    // The zone has let it in.  Nobody waits.
    void count(std::string_view what, std::string_view who,
               const zone::Rate &rate);

  private:
    rt::Task<void> tell(std::string what, std::string who, zone::Rate rate);

    Shared &shared_;
    zone::Zone &zone_;
    size_t in_flight_ = 0;
};

} // namespace ks::store
