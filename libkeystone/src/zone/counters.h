// Numbers for /metrics, summed over all workers.  Relaxed atomics: each number
// is exact, two of them read together need not agree.
#pragma once

#include "base/error.h"
#include "model/session.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace ks::zone {

// name, help text of the metric keystone_<name>_total.  The zone itself counts
// bans, invalidations, zone_full, sessions_swept and what opens and closes;
// the rest is counted by whoever acts.
#define KS_COUNTERS(X)                                                         \
    X(store_queries, "Statements run by the store")                            \
    X(store_errors, "Statements that failed")                                  \
    X(store_rejected, "Statements refused because the queue was full")         \
    X(offload_rejected, "Jobs refused because a thread pool was full")         \
    X(password_hashes, "Passwords hashed or verified")                         \
    X(logins_failed, "Logins refused")                                         \
    X(kicks, "Sessions asked to end")                                          \
    X(bans, "Bans set")                                                        \
    X(rate_limited, "Requests over a rate limit")                              \
    X(invalidations, "Cached entries invalidated")                             \
    X(stale_fills, "Cache fills refused as stale")                             \
    X(sessions_flushed, "Session records written to the store")                \
    X(sessions_swept, "Sessions ended by a time limit")                        \
    X(workers_lost, "Workers that ended without saying so")                    \
    X(zone_full, "Records refused because the zone was full")

enum class Counter : uint8_t {
#define X(name, help) name,
    KS_COUNTERS(X)
#undef X
        count_
};

std::string_view name(Counter c);
std::string_view help(Counter c);

enum class Tier : uint8_t { worker, zone, redis, store, count_ };
enum class CacheKind : uint8_t { stream, token, blob, count_ };
enum class Room : uint8_t { api, rtc, hls, health, metrics, count_ };
enum class Timer : uint8_t {
    http_api,
    http_rtc,
    http_hls,
    authorize,
    store,
    password_hash,
    upstream,
    count_
};

std::string_view name(Tier t);
std::string_view name(CacheKind k);
std::string_view name(Room r);
std::string_view name(Timer t);

template <class E> constexpr size_t index(E e) {
    return static_cast<size_t>(e);
}

class Histogram {
  public:
    // Upper bounds in microseconds; one more bucket takes the rest.
    static constexpr std::array<int64_t, 14> kBounds = {
        50,     100,    250,    500,     1000,    2500,      5000,
        10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000};
    static constexpr size_t kBuckets = kBounds.size() + 1;

    struct Reading {
        std::array<uint64_t, kBuckets> counts; // of each bucket alone
        uint64_t count = 0;
        uint64_t sum_us = 0;
    };

    void observe(int64_t us);
    Reading read() const;

  private:
    std::array<std::atomic<uint64_t>, kBuckets> counts_;
    std::atomic<uint64_t> sum_us_;
};

// In shared memory; all zero is a fresh one.
class Counters {
  public:
    static constexpr size_t kActions = 2;
    static constexpr size_t kProtocols = 6;
    static constexpr size_t kReasons = 9;
    static constexpr size_t kClasses = 6; // 1xx to 5xx, and 0: none sent

    void add(Counter c, uint64_t n = 1) { bump(named_[index(c)], n); }
    uint64_t get(Counter c) const { return read(named_[index(c)]); }

    void decided(model::Protocol p, model::Action a, Code code) {
        bump(decisions_[index(p)][index(a)][index(code)], 1);
    }
    uint64_t decisions(model::Protocol p, model::Action a, Code code) const {
        return read(decisions_[index(p)][index(a)][index(code)]);
    }

    void answered(Room room, unsigned status) {
        bump(http_[index(room)][status_class(status)], 1);
    }
    // `status` stands for its class: 200 for all of 2xx, 0 for none sent.
    uint64_t answers(Room room, unsigned status) const {
        return read(http_[index(room)][status_class(status)]);
    }

    void looked_up(CacheKind kind, Tier tier, bool hit) {
        bump(cache_[index(kind)][index(tier)][hit ? 1 : 0], 1);
    }
    uint64_t look_ups(CacheKind kind, Tier tier, bool hit) const {
        return read(cache_[index(kind)][index(tier)][hit ? 1 : 0]);
    }

    void opened(model::Protocol p, model::Action a) {
        bump(opened_[index(p)][index(a)], 1);
    }
    void closed(model::Protocol p, model::EndReason r) {
        bump(closed_[index(p)][index(r)], 1);
    }
    uint64_t opens(model::Protocol p, model::Action a) const {
        return read(opened_[index(p)][index(a)]);
    }
    uint64_t closes(model::Protocol p, model::EndReason r) const {
        return read(closed_[index(p)][index(r)]);
    }

    Histogram &timer(Timer t) { return timers_[index(t)]; }
    const Histogram &timer(Timer t) const { return timers_[index(t)]; }

  private:
    using Cell = std::atomic<uint64_t>;

    static size_t status_class(unsigned status) {
        return status >= 100 && status < 600 ? status / 100 : 0;
    }
    static void bump(Cell &c, uint64_t n) {
        c.fetch_add(n, std::memory_order_relaxed);
    }
    static uint64_t read(const Cell &c) {
        return c.load(std::memory_order_relaxed);
    }

    Cell named_[index(Counter::count_)];
    Cell decisions_[kProtocols][kActions][index(Code::count_)];
    Cell http_[index(Room::count_)][kClasses];
    Cell cache_[index(CacheKind::count_)][index(Tier::count_)][2];
    Cell opened_[kProtocols][kActions];
    Cell closed_[kProtocols][kReasons];
    Histogram timers_[index(Timer::count_)];
};

} // namespace ks::zone
