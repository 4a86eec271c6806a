// /metrics: Prometheus text exposition, version 0.0.4.  Totals only: no label
// ever names a stream, a session, a user or an address.
#pragma once

#include "store/store.h"
#include "zone/zone.h"

#include <string>

namespace ks::ops {

std::string metrics(zone::Zone &zone, const store::Store &store, WallMs now);

} // namespace ks::ops
