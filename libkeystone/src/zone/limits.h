// Rate limits and bans.  Both are keyed by a keyed hash of what they are about:
// no address and no token lies in these tables.
#pragma once

#include "zone/table.h"

namespace ks::zone {

// Generic cell rate algorithm: one time stamp a key.
struct Rate {
    int64_t interval_us = 1'000'000; // one request per interval ...
    int32_t burst = 0;               // ... and so many at once beside it
};

constexpr Rate per_second(int64_t n, int32_t burst) {
    return {1'000'000 / (n > 0 ? n : 1), burst};
}
constexpr Rate per_minute(int64_t n, int32_t burst) {
    return {60'000'000 / (n > 0 ? n : 1), burst};
}

struct RatePolicy {
    // An empty bucket says nothing any more.
    static int rank(int64_t empty_us, Millis now) {
        return empty_us <= now * 1000 ? 0 : 1;
    }
};

// Microseconds of the monotonic clock at which the bucket is empty again.
using RateTable = Table<HashKey, int64_t, RatePolicy>;

// 0: go ahead; else milliseconds until the next try can succeed.  When the
// table has no room the answer is "go ahead".
Millis allow(RateTable &table, HashKey key, Millis now, const Rate &rate);

// The same, and nothing is counted.
Millis wait(RateTable &table, HashKey key, Millis now, const Rate &rate);

// Elsewhere more was counted: the bucket is not empty before `left_us` from now.
void raise(RateTable &table, HashKey key, Millis now, int64_t left_us);

struct Ban {
    Millis until = 0; // monotonic
};

using BanTable = Table<HashKey, Ban>;

} // namespace ks::zone
