// /healthz: the process lives.  /readyz: it can serve, and what it stands on.
#pragma once

#include "codec/http.h"
#include "store/store.h"

namespace ks::ops {

codec::Response healthz();
// 503 when requests would be refused for lack of a store.
codec::Response readyz(const store::Store &store, WallMs now);

} // namespace ks::ops
