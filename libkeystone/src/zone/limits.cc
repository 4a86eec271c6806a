#include "zone/limits.h"

#include <algorithm>

namespace ks::zone {

namespace {

// Milliseconds until one more is let in.
Millis wait_for(int64_t empty_us, int64_t now_us, const Rate &rate) {
    int64_t over = empty_us - now_us - rate.interval_us * rate.burst;
    return over > 0 ? (over + 999) / 1000 : 0;
}

} // namespace

Millis allow(RateTable &table, HashKey key, Millis now, const Rate &rate) {
    int64_t now_us = now * 1000;
    Millis wait = 0;
    table.upsert(key, now, [&](int64_t &empty_us, bool created) {
        int64_t empty = created ? now_us : std::max(empty_us, now_us);
        wait = wait_for(empty, now_us, rate);
        if (wait == 0) {
            empty_us = empty + rate.interval_us;
        }
        return Fate::keep;
    });
    return wait;
}

Millis wait(RateTable &table, HashKey key, Millis now, const Rate &rate) {
    int64_t empty_us = 0;
    return table.find(key, now, &empty_us)
               ? wait_for(empty_us, now * 1000, rate)
               : 0;
}

void raise(RateTable &table, HashKey key, Millis now, int64_t left_us) {
    table.upsert(key, now, [&](int64_t &empty_us, bool created) {
        int64_t there = created ? 0 : empty_us;
        empty_us = std::max(there, now * 1000 + left_us);
        return Fate::keep;
    });
}

} // namespace ks::zone
