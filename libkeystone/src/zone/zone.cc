#include "zone/zone.h"

#include "base/bytes.h"

#include <initializer_list>
#include <new>
#include <string>

namespace ks::zone {

namespace {

constexpr uint64_t kMagic = 0x656e6f5a736b2101; // not a text by accident
// Grows when records mean something else at the same size.
constexpr uint64_t kLayoutVersion = 4;

// The key is as random as an id, and must not be guessed from it.
Id self_of(const uint8_t key[16]) {
    std::string text("host");
    text.append(reinterpret_cast<const char *>(key), 16);
    Sha256 hash = sha256(text);
    std::string id(prefix::kHost);
    id += base62_encode(std::span<const uint8_t, 16>(hash.data(), 16));
    wipe(text.data(), text.size());
    return Id(id);
}

constexpr size_t round_up(size_t n) { return (n + 63) & ~size_t{63}; }

// Thousandths of what the fixed part leaves.  In 32 MiB that is about 11k
// streams, 8k tokens, 10k sessions, 4k small and 360 large rendered rows.
constexpr unsigned kShares[] = {
    150, // streams
    150, // tokens
    140, // small blobs
    90,  // large blobs
    95,  // live
    285, // sessions
    30,  // viewers
    20,  // bans
    30,  // rates
    10,  // feeds
};

} // namespace

uint64_t Zone::layout() {
    uint64_t h = kLayoutVersion;
    for (uint64_t n :
         {sizeof(Zone), sizeof(Slot), sizeof(Shard), sizeof(model::StreamFacts),
          sizeof(model::TokenFacts), sizeof(SmallBlobs::Value),
          sizeof(LargeBlobs::Value), sizeof(LiveRecord), sizeof(SessionRecord),
          sizeof(Viewer), sizeof(Feed), sizeof(Ban), sizeof(Kick),
          sizeof(StreamTable), sizeof(Counters), index(Code::count_),
          index(Counter::count_)}) {
        h = (h ^ n) * 0x100000001b3; // FNV-1a
    }
    return h;
}

template <class Fn> void Zone::for_tables(Fn fn) {
    fn(Part::streams, "streams", static_cast<StreamTable *>(nullptr));
    fn(Part::tokens, "tokens", static_cast<TokenTable *>(nullptr));
    fn(Part::small_blobs, "blobs_1k", static_cast<SmallBlobs *>(nullptr));
    fn(Part::large_blobs, "blobs_8k", static_cast<LargeBlobs *>(nullptr));
    fn(Part::live, "live", static_cast<LiveTable *>(nullptr));
    fn(Part::sessions, "sessions", static_cast<SessionTable *>(nullptr));
    fn(Part::viewers, "viewers", static_cast<ViewerTable *>(nullptr));
    fn(Part::bans, "bans", static_cast<BanTable *>(nullptr));
    fn(Part::rates, "rates", static_cast<RateTable *>(nullptr));
    fn(Part::feeds, "feeds", static_cast<FeedTable *>(nullptr));
}

Zone *Zone::at(void *addr) {
    auto *zone = static_cast<Zone *>(addr);
    if (addr == nullptr ||
        zone->magic_.load(std::memory_order_acquire) != kMagic ||
        zone->layout_ != layout()) {
        return nullptr;
    }
    return zone;
}

Result<Zone::Made> Zone::init(void *addr, size_t size, const uint8_t key[16]) {
    if (reinterpret_cast<uintptr_t>(addr) % 64 != 0) {
        return Error(Code::internal, "zone: memory is not aligned");
    }
    if (size < kMinSize) {
        return Error(Code::internal,
                     "zone of " + std::to_string(size) +
                         " bytes is too small: give it at least 1m");
    }
    if (Zone *zone = at(addr); zone != nullptr && zone->size_ == size) {
        return Made::adopted;
    }

    Zone *zone = new (addr) Zone();
    zone->layout_ = layout();
    zone->size_ = size;
    std::memcpy(&zone->key_.k0, key, 8);
    std::memcpy(&zone->key_.k1, key + 8, 8);
    zone->self_ = self_of(key);
    zone->kicks_.init();
    zone->workers_.init();
    zone->nodes_.init();

    size_t at = round_up(sizeof(Zone));
    size_t room = size - at;
    zone->for_tables([&](Part part, std::string_view, auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        size_t i = static_cast<size_t>(part);
        size_t share = room / 1000 * kShares[i] & ~size_t{63};
        zone->offset_[i] = at;
        T::format(zone->part<T>(part), T::slots_for(share), zone->key_);
        at += share;
    });
    zone->magic_.store(kMagic, std::memory_order_release);
    return Made::anew;
}

// Each part is keyed by what came before it.
HashKey Zone::hash(std::string_view kind, std::string_view a,
                   std::string_view b, std::string_view c) const {
    uint64_t h = 0;
    for (std::string_view part : {kind, a, b, c}) {
        // An empty view may point nowhere, which not all may be given.
        h = siphash24(SipKey{key_.k0 ^ h, key_.k1},
                      part.empty() ? std::string_view("") : part);
    }
    return {h};
}

Millis Zone::allow(std::string_view what, std::string_view who, Millis now,
                   const Rate &rate) {
    return zone::allow(*part<RateTable>(Part::rates), hash("rate", what, who),
                       now, rate);
}

Millis Zone::wait(std::string_view what, std::string_view who, Millis now,
                  const Rate &rate) {
    return zone::wait(*part<RateTable>(Part::rates), hash("rate", what, who),
                      now, rate);
}

void Zone::raise(std::string_view what, std::string_view who, Millis now,
                 int64_t left_us) {
    zone::raise(*part<RateTable>(Part::rates), hash("rate", what, who), now,
                left_us);
}

bool Zone::ban(std::string_view stream, std::string_view who, Millis now,
               Millis duration) {
    counters_.add(Counter::bans);
    Millis longest = bans_until_.load();
    while (longest < now + duration &&
           !bans_until_.compare_exchange_weak(longest, now + duration)) {
    }
    return part<BanTable>(Part::bans)
        ->put(hash("ban", stream, who), Ban{now + duration}, now,
              now + duration);
}

void Zone::unban(std::string_view stream, std::string_view who) {
    part<BanTable>(Part::bans)->erase(hash("ban", stream, who));
}

Millis Zone::banned(std::string_view stream, std::string_view who, Millis now) {
    Ban ban;
    bool found =
        part<BanTable>(Part::bans)->find(hash("ban", stream, who), now, &ban);
    return found ? ban.until - now : 0;
}

// First out of the table, then the epoch: who remembers under the old epoch
// what it read before is told, whichever way the two interleave.
void Zone::invalidate_stream(const Id &id) {
    streams().erase(id);
    epoch_.fetch_add(1, std::memory_order_acq_rel);
    counters_.add(Counter::invalidations);
}

void Zone::invalidate_token(const Sha256 &hash) {
    tokens().erase(hash);
    epoch_.fetch_add(1, std::memory_order_acq_rel);
    counters_.add(Counter::invalidations);
}

void Zone::invalidate_all() {
    streams().clear();
    tokens().clear();
    part<SmallBlobs>(Part::small_blobs)->clear();
    part<LargeBlobs>(Part::large_blobs)->clear();
    epoch_.fetch_add(1, std::memory_order_acq_rel);
    counters_.add(Counter::invalidations);
}

std::array<Zone::Usage, Zone::kTables> Zone::usage() {
    std::array<Usage, kTables> out;
    for_tables([&](Part p, std::string_view name, auto *type) {
        auto *table = part<std::remove_pointer_t<decltype(type)>>(p);
        out[static_cast<size_t>(p)] = {name, table->size(), table->capacity(),
                                       table->evicted(), table->repairs()};
    });
    return out;
}

Result<void> Zone::check() {
    Result<void> result;
    for_tables([&](Part p, std::string_view name, auto *type) {
        auto *table = part<std::remove_pointer_t<decltype(type)>>(p);
        Result<void> sound = table->check();
        if (!sound && result) {
            result = Error(Code::internal,
                           std::string(name) + ": " + sound.error().detail);
        }
    });
    return result;
}

} // namespace ks::zone
