#include "zone/limits.h"

#include <algorithm>

namespace ks::zone {

Millis allow(RateTable &table, HashKey key, Millis now, const Rate &rate) {
    int64_t now_us = now * 1000;
    int64_t tolerance = rate.interval_us * rate.burst;
    Millis wait = 0;
    table.upsert(key, now, [&](int64_t &empty_us, bool created) {
        int64_t empty = created ? now_us : std::max(empty_us, now_us);
        int64_t over = empty - now_us - tolerance;
        if (over > 0) {
            wait = (over + 999) / 1000;
        } else {
            empty_us = empty + rate.interval_us;
        }
        return Fate::keep;
    });
    return wait;
}

void raise(RateTable &table, HashKey key, Millis now, int64_t left_us) {
    table.upsert(key, now, [&](int64_t &empty_us, bool created) {
        int64_t there = created ? 0 : empty_us;
        empty_us = std::max(there, now * 1000 + left_us);
        return Fate::keep;
    });
}

} // namespace ks::zone
