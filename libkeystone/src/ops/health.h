// /healthz: the process lives.  /readyz: it can serve, and what it stands on.
#pragma once

#include "codec/http.h"
#include "conf/config.h"
#include "store/store.h"
#include "zone/zone.h"

namespace ks::ops {

codec::Response healthz();
// 503 when requests would be refused for lack of a store.  A media server that
// is down is shown and changes nothing: streams go to others.
codec::Response readyz(const conf::Config &config, const store::Store &store,
                       zone::Zone &zone, WallMs now);

} // namespace ks::ops
