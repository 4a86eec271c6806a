#include "zone/shard.h"

#include <new>
#include <string>

namespace ks::zone {

void Shard::init(uint32_t capacity_in, uint32_t buckets_in, uint32_t *buckets) {
    mutex.init();
    capacity = capacity_in;
    bucket_mask = buckets_in - 1;
    used = 0;
    live = 0;
    newest = oldest = free = kNone;
    repairs = 0;
    changes.store(0, std::memory_order_relaxed);
    for (uint32_t b = 0; b < buckets_in; b++) {
        buckets[b] = kNone;
    }
}

uint32_t Shard::take(Slot *slots) {
    uint32_t i = free;
    if (i != kNone) {
        free = slots[i].chain;
        slots[i].state = SlotState::dirty;
        return i;
    }
    if (used == capacity) {
        return kNone;
    }
    i = used;
    slots[i] = Slot{};
    slots[i].state = SlotState::dirty;
    in_order();
    used = i + 1;
    return i;
}

void Shard::give_back(Slot *slots, uint32_t i) {
    slots[i].state = SlotState::free;
    slots[i].chain = free;
    free = i;
}

void Shard::insert(uint32_t *buckets, Slot *slots, uint32_t i, uint64_t hash,
                   Millis now, Millis expires) {
    Slot &slot = slots[i];
    slot.hash = hash;
    slot.expires = expires;
    slot.touched = now;
    uint32_t *bucket = &buckets[hash & bucket_mask];
    slot.chain = *bucket;
    *bucket = i;
    push_front(slots, i);
    live++;
    in_order();
    slot.state = SlotState::live;
    in_order();
}

void Shard::release(uint32_t *buckets, Slot *slots, uint32_t i) {
    Slot &slot = slots[i];
    slot.state = SlotState::free;
    in_order();
    uint32_t *link = &buckets[slot.hash & bucket_mask];
    while (*link != i) {
        link = &slots[*link].chain;
    }
    *link = slot.chain;
    unlink(slots, i);
    slot.chain = free;
    free = i;
    live--;
}

void Shard::to_front(Slot *slots, uint32_t i) {
    if (newest != i) {
        unlink(slots, i);
        push_front(slots, i);
    }
}

void Shard::to_back(Slot *slots, uint32_t i) {
    if (oldest != i) {
        unlink(slots, i);
        push_back(slots, i);
    }
}

void Shard::unlink(Slot *slots, uint32_t i) {
    Slot &slot = slots[i];
    (slot.newer != kNone ? slots[slot.newer].older : newest) = slot.older;
    (slot.older != kNone ? slots[slot.older].newer : oldest) = slot.newer;
}

void Shard::push_front(Slot *slots, uint32_t i) {
    slots[i].newer = kNone;
    slots[i].older = newest;
    (newest != kNone ? slots[newest].newer : oldest) = i;
    newest = i;
}

void Shard::push_back(Slot *slots, uint32_t i) {
    slots[i].older = kNone;
    slots[i].newer = oldest;
    (oldest != kNone ? slots[oldest].older : newest) = i;
    oldest = i;
}

void Shard::rebuild(uint32_t *buckets, Slot *slots) {
    repairs++;
    // Whoever died may have been about to invalidate something.
    changes.fetch_add(1, std::memory_order_release);
    live = 0;
    newest = oldest = free = kNone;
    for (uint32_t b = 0; b <= bucket_mask; b++) {
        buckets[b] = kNone;
    }
    Millis latest = INT64_MIN;
    for (uint32_t i = 0; i < used; i++) {
        if (slots[i].state == SlotState::live && slots[i].touched > latest) {
            latest = slots[i].touched;
        }
    }
    for (uint32_t i = 0; i < used; i++) {
        Slot &slot = slots[i];
        if (slot.state != SlotState::live) {
            slot.state = SlotState::free;
            slot.chain = free;
            free = i;
            continue;
        }
        uint32_t *bucket = &buckets[slot.hash & bucket_mask];
        slot.chain = *bucket;
        *bucket = i;
        // Sorting would not be one pass; two ages keep what is in use.
        if (slot.touched >= latest - kMinute) {
            push_front(slots, i);
        } else {
            push_back(slots, i);
        }
        live++;
    }
}

namespace {

Error broken(const char *what, uint32_t i) {
    return Error(Code::internal, std::string("zone: ") + what + " at slot " +
                                     std::to_string(i));
}

} // namespace

Result<void> Shard::check(const uint32_t *buckets, const Slot *slots) const {
    if (used > capacity) {
        return broken("more slots used than there are", used);
    }
    uint32_t alive = 0;
    uint32_t unused = 0;
    for (uint32_t i = 0; i < used; i++) {
        if (slots[i].state == SlotState::dirty) {
            return broken("half-written record", i);
        }
        (slots[i].state == SlotState::live ? alive : unused)++;
    }
    if (alive != live) {
        return broken("wrong count of live records", alive);
    }

    // Each walk is bounded by what it may find: a cycle runs over it.
    uint32_t seen = 0;
    for (uint32_t b = 0; b <= bucket_mask; b++) {
        for (uint32_t i = buckets[b]; i != kNone; i = slots[i].chain) {
            if (i >= used || slots[i].state != SlotState::live ||
                (slots[i].hash & bucket_mask) != b || ++seen > alive) {
                return broken("wrong entry in a bucket", i);
            }
        }
    }
    if (seen != alive) {
        return broken("records in no bucket, those found", seen);
    }

    seen = 0;
    uint32_t before = kNone;
    for (uint32_t i = newest; i != kNone; i = slots[i].older) {
        if (i >= used || slots[i].state != SlotState::live ||
            slots[i].newer != before || ++seen > alive) {
            return broken("wrong entry in the LRU list", i);
        }
        before = i;
    }
    if (seen != alive || oldest != before) {
        return broken("LRU list does not hold all", seen);
    }

    seen = 0;
    for (uint32_t i = free; i != kNone; i = slots[i].chain) {
        if (i >= used || slots[i].state != SlotState::free || ++seen > unused) {
            return broken("wrong entry in the free list", i);
        }
    }
    if (seen != unused) {
        return broken("free slots that are lost", unused - seen);
    }
    return {};
}

} // namespace ks::zone
