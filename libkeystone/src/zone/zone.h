// The view over the block of shared memory that all workers of one nginx map.
//
// A Zone is never constructed: it lies at the start of the block.  Everything
// in it is found by offsets, so that the block may be mapped anywhere.
//
// Clocks: the caches, limits and bans use the monotonic clock (CLOCK_MONOTONIC
// is the same for all processes); live streams and sessions use wall time,
// because that is what their records hold and the store keeps.
//
// Order of locks, outermost first; at most one of each kind is held:
//   a shard of live -> a shard of viewers -> a shard of sessions
//   -> kick ring | worker slots
// All other tables are leaves: nothing is locked inside their locks.
#pragma once

#include "model/stream.h"
#include "model/token.h"
#include "zone/blobs.h"
#include "zone/counters.h"
#include "zone/kicks.h"
#include "zone/limits.h"
#include "zone/nodes.h"
#include "zone/records.h"
#include "zone/table.h"
#include "zone/workers.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ks::zone {

using StreamTable = Table<Id, model::StreamFacts>;
using TokenTable = Table<Sha256, model::TokenFacts>;

class Zone {
  public:
    static constexpr size_t kMinSize = size_t{1} << 20;
    static constexpr size_t kDefaultSize = size_t{32} << 20;

    enum class Made { anew, adopted };

    // Takes over what stands at `addr` if it is a zone of this size and of
    // this layout (then `key` is not used); else makes one.  No other process
    // uses the block while it is made.
    static Result<Made> init(void *addr, size_t size, const uint8_t key[16]);
    // Null: no zone of this layout.
    static Zone *at(void *addr);

    // First-level caches.  A negative entry has exists = false; how long
    // each lives is the caller's.
    StreamTable &streams() { return *part<StreamTable>(Part::streams); }
    TokenTable &tokens() { return *part<TokenTable>(Part::tokens); }
    Blobs blobs() {
        return {*part<SmallBlobs>(Part::small_blobs),
                *part<LargeBlobs>(Part::large_blobs)};
    }

    // The truth about now.  Changed through sessions.h only.
    LiveTable &live() { return *part<LiveTable>(Part::live); }
    SessionTable &sessions() { return *part<SessionTable>(Part::sessions); }
    ViewerTable &viewers() { return *part<ViewerTable>(Part::viewers); }
    FeedTable &feeds() { return *part<FeedTable>(Part::feeds); } // wall time

    // Keyed by the zone's secret; the parts cannot run into each other.
    HashKey hash(std::string_view kind, std::string_view a,
                 std::string_view b = {}, std::string_view c = {}) const;

    // `what` names the limit ("login"), `who` an address or account.  0: go
    // ahead; else milliseconds until the next try can succeed.
    Millis allow(std::string_view what, std::string_view who, Millis now,
                 const Rate &rate);

    // What all hosts counted together, as far as one knows.
    Millis wait(std::string_view what, std::string_view who, Millis now,
                const Rate &rate);
    void raise(std::string_view what, std::string_view who, Millis now,
               int64_t left_us);

    // `who` is a token id or an address; an empty stream means all streams.
    bool ban(std::string_view stream, std::string_view who, Millis now,
             Millis duration);
    void unban(std::string_view stream, std::string_view who);
    // Whether anybody is banned anywhere: mostly not, and then a look at one
    // number is all that a segment costs.
    bool bans_at(Millis now) const {
        return now < bans_until_.load(std::memory_order_relaxed);
    }
    // 0: not banned; else milliseconds left.
    Millis banned(std::string_view stream, std::string_view who, Millis now);

    Counters &counters() { return counters_; }
    Kicks &kicks() { return kicks_; }
    Workers &workers() { return workers_; }
    Nodes &nodes() { return nodes_; }

    // True for one caller: a zone that was just made has to be filled with the
    // sessions that an earlier one had.
    bool claim_recovery() {
        return recovered_.exchange(1, std::memory_order_acq_rel) == 0;
    }

    // How often this host has beaten, as the store last said: fewer the next
    // time, and other hosts took it for dead.
    int64_t beats() const { return beats_.load(std::memory_order_relaxed); }
    void beaten(int64_t n) { beats_.store(n, std::memory_order_relaxed); }

    // Grows with every invalidation: what a worker remembers by itself is good
    // as long as this stands.
    uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
    // Out of the cache, and the epoch grows.  Rendered rows are the caller's.
    void invalidate_stream(const Id &id);
    void invalidate_token(const Sha256 &hash);
    // Everything that the store knows better (the bus was away).
    void invalidate_all();

    // This nginx among the hosts that share a store: as long as the zone.
    const Id &self() const { return self_; }

    size_t size() const { return size_; }

    struct Usage {
        std::string_view name;
        uint32_t used, capacity;
        uint64_t evicted, repairs;
    };
    static constexpr size_t kTables = 10;
    std::array<Usage, kTables> usage();

    // Every list of every table; for tests and the debugger.
    Result<void> check();

  private:
    friend class Sessions;

    enum class Part : uint8_t {
        streams,
        tokens,
        small_blobs,
        large_blobs,
        live,
        sessions,
        viewers,
        bans,
        rates,
        feeds,
        count_
    };
    static constexpr size_t kParts = static_cast<size_t>(Part::count_);
    static_assert(kParts == kTables);

    template <class T> T *part(Part p) {
        return reinterpret_cast<T *>(reinterpret_cast<char *>(this) +
                                     offset_[static_cast<size_t>(p)]);
    }
    Zone() = default;
    // fn(name, table) for each.
    template <class Fn> void for_tables(Fn fn);
    static uint64_t layout();

    std::atomic<uint64_t> magic_; // written last
    uint64_t layout_;             // of all records
    uint64_t size_;
    SipKey key_;
    Id self_;
    uint64_t offset_[kParts];
    alignas(64) std::atomic<uint64_t> epoch_;
    // See Sessions: doubts at the last recount; whether something in a shard
    // of sessions may be dirty; where the next take_dirty() begins.
    std::atomic<uint64_t> doubts_;
    std::atomic<uint8_t> dirty_[SessionTable::shards()];
    std::atomic<uint32_t> dirty_from_;
    std::atomic<uint32_t> recovered_;
    std::atomic<int64_t> beats_;
    std::atomic<Millis> bans_until_; // the end of the longest
    Counters counters_;
    Workers workers_;
    Kicks kicks_;
    Nodes nodes_;
};

} // namespace ks::zone
