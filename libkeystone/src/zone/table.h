// A bounded hash table in shared memory, shared by processes.
//
//   - a fixed number of slots in shards; each shard has a lock of its own;
//   - keyed hash (SipHash), so that strangers who choose keys cannot flood it;
//   - full: the least recently used entry goes; a policy may forbid that for
//     an entry, and only if nothing may go put() says false;
//   - expiry is a point in time on the clock of `now` (one clock per table);
//   - a process killed inside loses at most the entry it was adding: an entry
//     being changed in place goes back to what it was.
//
// Functions passed in run under the shard's lock: they must not block, throw,
// or use the same table.  K and V are trivially copyable, without pointers.
#pragma once

#include "base/hash.h"
#include "base/id.h"
#include "zone/shard.h"

#include <bit>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>

namespace ks::zone {

// A key that is a keyed hash already: see Zone::hash().
struct HashKey {
    uint64_t value = 0;
    friend bool operator==(const HashKey &, const HashKey &) = default;
};

template <size_t N> uint64_t hash_of(const SipKey &key, const Fixed<N> &k) {
    return siphash24(key, k.view());
}
inline uint64_t hash_of(const SipKey &key, const Sha256 &k) {
    return siphash24(key, as_text(k));
}
inline uint64_t hash_of(const SipKey &, HashKey k) { return k.value; }

// A type that is mostly air overloads this to copy what is used.
template <class V> void copy_value(V &to, const V &from) { to = from; }

constexpr int kKeep = -1; // a rank: not to be evicted
constexpr int kRanks = 4; // 0: goes at once; 3: goes if nothing else may

struct EvictAny {
    template <class V> static int rank(const V &, Millis) { return 0; }
};

// Taken before the store is read: what is read then may be put only if the key
// was not written or erased meanwhile.
struct Ticket {
    uint64_t changes = 0;
};

enum class Fate { keep, drop };

template <class K, class V, class Policy = EvictAny, uint32_t kShards = 16>
class Table {
    static_assert(std::is_trivially_copyable_v<K>);
    static_assert(std::is_trivially_copyable_v<V>);
    static_assert(alignof(K) <= 16 && alignof(V) <= 16);
    static_assert(std::has_single_bit(kShards) && kShards <= 64);

  public:
    using Key = K;
    using Value = V;

    // The largest table that fits; at least one slot a shard, or 0 if not.
    static uint32_t slots_for(size_t bytes);
    static size_t bytes_for(uint32_t slots);
    // `memory` aligned to 64.  Touches little of it: pages of slots that were
    // never used cost nothing.
    static Table *format(void *memory, uint32_t slots, const SipKey &key);

    // False: not there, or expired.
    bool find(const K &key, Millis now, V *out) {
        return peek(key, now, [&](const V &v) { copy_value(*out, v); });
    }
    // fn(const V &)
    template <class Fn> bool peek(const K &key, Millis now, Fn fn);
    // fn(V &); does not change when it expires.
    template <class Fn> bool update(const K &key, Millis now, Fn fn);
    // fn(V &, bool created) -> Fate, over an entry that is made (as V{}, never
    // expiring) where there is none.  False: no room, fn was not called.
    template <class Fn> bool upsert(const K &key, Millis now, Fn fn);

    // False: full of what may not be evicted.
    bool put(const K &key, const V &value, Millis now, Millis expires) {
        return store(key, value, now, expires, nullptr);
    }
    // Also false if the ticket is stale.
    bool put_if(Ticket ticket, const K &key, const V &value, Millis now,
                Millis expires) {
        return store(key, value, now, expires, &ticket);
    }
    Ticket ticket(const K &key) const;

    // True if it was there.  Makes tickets of the key stale in any case.
    bool erase(const K &key) { return remove(key, true); }
    // As erase(), but tickets stay good: a cache entry that is in the way.
    bool forget(const K &key) { return remove(key, false); }
    // Makes it the first to be evicted, without removing it.
    void demote(const K &key);
    void clear();

    // fn(const K &, const V &) for all that is live and not expired, a few at
    // a time under the lock: what changes meanwhile may be seen or not.
    template <class Fn> void each(Millis now, Fn fn) {
        for (uint32_t s = 0; s < kShards; s++) {
            each_of(s, now, fn);
        }
    }
    template <class Fn> void each_of(uint32_t shard, Millis now, Fn &fn);

    static constexpr uint32_t shards() { return kShards; }
    uint32_t shard_of(const K &key) const { return place(hash(key)); }
    uint32_t capacity() const { return per_shard_ * kShards; }
    uint32_t size() const;
    uint64_t repairs() const; // locks taken over from the dead
    uint64_t evicted(int rank) const {
        return evicted_[rank].load(std::memory_order_relaxed);
    }
    uint64_t evicted() const;
    Result<void> check();

  private:
    struct Entry {
        K key;
        V value;
    };
    // Small values that change in place are saved before.
    static constexpr bool kSaves = sizeof(V) <= 1024;
    struct Saved {
        uint32_t slot; // kNone: nothing is being changed
        V value;
    };
    struct Nothing {};
    using Undo = std::conditional_t<kSaves, Saved, Nothing>;
    // Where the parts of one shard lie.
    struct Parts {
        Shard &shard;
        uint32_t *buckets;
        Slot *slots;
        Entry *entries;
        Undo *undo;
    };

    static constexpr size_t kAlign = 64;
    static constexpr size_t round_up(size_t n) {
        return (n + kAlign - 1) & ~(kAlign - 1);
    }
    static constexpr uint32_t buckets_for(uint32_t slots) {
        return std::bit_ceil(slots);
    }
    static size_t shard_bytes(uint32_t slots);

    uint64_t hash(const K &key) const { return hash_of(key_, key); }
    static uint32_t place(uint64_t hash) {
        return kShards == 1 ? 0
                            : static_cast<uint32_t>(
                                  hash >> (64 - std::bit_width(kShards - 1)));
    }
    Parts parts(uint32_t shard) const;
    static void repair(const Parts &p);
    static uint32_t lookup(const Parts &p, uint64_t hash, const K &key,
                           Millis now);
    uint32_t room(const Parts &p, Millis now);
    bool remove(const K &key, bool changes);
    bool store(const K &key, const V &value, Millis now, Millis expires,
               const Ticket *ticket);
    template <class Fn> static auto change(const Parts &p, uint32_t i, Fn fn);
    static void touch(const Parts &p, uint32_t i, Millis now);

    SipKey key_;
    uint32_t per_shard_;
    uint32_t stride_; // bytes from one shard to the next
    std::atomic<uint64_t> evicted_[kRanks];
};

} // namespace ks::zone

#include "zone/table_impl.h"
