// Names of requests, for logs: unique, not secret, cheap.
#pragma once

#include "base/id.h"

#include <cstdint>

namespace ks::api {

class RequestIds {
  public:
    explicit RequestIds(Entropy &entropy);

    // 24 characters of [0-9a-f]: this worker's eight, and a mixed-up counter.
    Fixed<64> next();

  private:
    uint32_t worker_ = 0;
    uint64_t counter_ = 0;
};

} // namespace ks::api
