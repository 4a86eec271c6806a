#include "zone/counters.h"

namespace ks::zone {

namespace {

template <size_t N, class E>
std::string_view at(const std::array<std::string_view, N> &names, E e) {
    static_assert(N == index(E::count_));
    size_t i = index(e);
    return i < N ? names[i] : std::string_view();
}

} // namespace

std::string_view name(Counter c) {
    static constexpr std::array<std::string_view, index(Counter::count_)>
        kNames = {
#define X(name, help) #name,
            KS_COUNTERS(X)
#undef X
        };
    return at(kNames, c);
}

std::string_view help(Counter c) {
    static constexpr std::array<std::string_view, index(Counter::count_)>
        kTexts = {
#define X(name, help) help,
            KS_COUNTERS(X)
#undef X
        };
    return at(kTexts, c);
}

std::string_view name(Tier t) {
    static constexpr std::array<std::string_view, 4> kNames = {
        "worker", "zone", "redis", "store"};
    return at(kNames, t);
}

std::string_view name(CacheKind k) {
    static constexpr std::array<std::string_view, 3> kNames = {"stream",
                                                               "token", "blob"};
    return at(kNames, k);
}

std::string_view name(Room r) {
    static constexpr std::array<std::string_view, 5> kNames = {
        "api", "rtc", "hls", "health", "metrics"};
    return at(kNames, r);
}

std::string_view name(Timer t) {
    static constexpr std::array<std::string_view, 7> kNames = {
        "http_api", "http_rtc",      "http_hls", "authorize",
        "store",    "password_hash", "upstream"};
    return at(kNames, t);
}

void Histogram::observe(int64_t us) {
    size_t b = 0;
    while (b < kBounds.size() && us > kBounds[b]) {
        b++;
    }
    counts_[b].fetch_add(1, std::memory_order_relaxed);
    if (us > 0) {
        sum_us_.fetch_add(static_cast<uint64_t>(us), std::memory_order_relaxed);
    }
}

Histogram::Reading Histogram::read() const {
    Reading out;
    for (size_t b = 0; b < kBuckets; b++) {
        out.counts[b] = counts_[b].load(std::memory_order_relaxed);
        out.count += out.counts[b];
    }
    out.sum_us = sum_us_.load(std::memory_order_relaxed);
    return out;
}

} // namespace ks::zone
