// The index of one shard of a table: hash buckets, LRU list and free list over
// slots that are numbered from 0.  Knows nothing of keys and values.
//
// The slots' records are the truth, the lists follow from them: rebuild() makes
// all three anew from the slots alone, in one pass.  That is what repairs a
// shard whose lock was held by a process that died.
#pragma once

#include "base/error.h"
#include "base/result.h"
#include "base/time.h"
#include "zone/mutex.h"

#include <atomic>
#include <cstdint>

namespace ks::zone {

constexpr uint32_t kNone = UINT32_MAX;

// What a process killed at any instruction leaves behind is everything it
// stored so far, in program order; only the compiler may still reorder.
inline void in_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

enum class SlotState : uint32_t { free, dirty, live };

struct Slot {
    uint64_t hash;
    Millis expires; // kNever: does not
    Millis touched; // last moved to the front of the LRU list
    SlotState state;
    uint32_t chain; // next of the same bucket, or next free
    uint32_t older;
    uint32_t newer;
};

// Lies in shared memory; `buckets` and `slots` are passed in because they are
// elsewhere in each process that maps it.
struct alignas(64) Shard {
    Mutex mutex;
    uint32_t capacity;
    uint32_t bucket_mask;
    uint32_t used; // slots from here on were never touched
    uint32_t live;
    uint32_t newest;
    uint32_t oldest;
    uint32_t free;
    uint32_t repairs;
    // Counts what makes a fill that started before it stale.
    std::atomic<uint64_t> changes;

    void init(uint32_t capacity_in, uint32_t buckets_in, uint32_t *buckets);

    // A slot that is in no list, in state dirty; kNone: all are live.
    uint32_t take(Slot *slots);
    // A dirty slot that take() gave, not needed after all.
    void give_back(Slot *slots, uint32_t i);
    // A dirty slot that take() gave: into bucket and LRU list, then live.
    void insert(uint32_t *buckets, Slot *slots, uint32_t i, uint64_t hash,
                Millis now, Millis expires);
    // A live slot: out of all lists, free.
    void release(uint32_t *buckets, Slot *slots, uint32_t i);

    void to_front(Slot *slots, uint32_t i);
    void to_back(Slot *slots, uint32_t i);

    void rebuild(uint32_t *buckets, Slot *slots);
    // Every list against every slot.  The lock is held.
    Result<void> check(const uint32_t *buckets, const Slot *slots) const;

  private:
    void unlink(Slot *slots, uint32_t i);
    void push_front(Slot *slots, uint32_t i);
    void push_back(Slot *slots, uint32_t i);
};

} // namespace ks::zone
