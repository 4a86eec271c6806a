// How table.h does it.  Included by table.h only.
#pragma once

#include "zone/table.h"

namespace ks::zone {

#define KS_TABLE_T template <class K, class V, class Policy, uint32_t kShards>
#define KS_TABLE Table<K, V, Policy, kShards>

// Entries looked at before one that is not the best is evicted.
constexpr int kEvictLook = 32;
// Entries looked at by each() in one hold of the lock.
constexpr uint32_t kEachHold = 64;
// Moving an entry to the front more often than this tells nothing new.
constexpr Millis kTouchEvery = 1000;

// In one shard: Shard, undo, buckets, slots, entries, each aligned.  What is
// written when the table is formatted comes first.
KS_TABLE_T size_t KS_TABLE::shard_bytes(uint32_t slots) {
    return sizeof(Shard) + round_up(sizeof(uint32_t) * buckets_for(slots)) +
           round_up(sizeof(Slot) * slots) + round_up(sizeof(Undo)) +
           round_up(sizeof(Entry) * slots);
}

KS_TABLE_T size_t KS_TABLE::bytes_for(uint32_t slots) {
    uint32_t each = (slots + kShards - 1) / kShards;
    return round_up(sizeof(Table)) + kShards * shard_bytes(each);
}

KS_TABLE_T uint32_t KS_TABLE::slots_for(size_t bytes) {
    uint32_t low = 0; // fits
    uint32_t high = static_cast<uint32_t>(bytes / sizeof(Entry) / kShards) + 1;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        (bytes_for(mid * kShards) <= bytes ? low : high) = mid;
    }
    return low * kShards;
}

KS_TABLE_T KS_TABLE *KS_TABLE::format(void *memory, uint32_t slots,
                                      const SipKey &key) {
    static_assert(std::is_trivially_destructible_v<Table>);
    Table *table = new (memory) Table;
    table->key_ = key;
    table->per_shard_ = (slots + kShards - 1) / kShards;
    table->stride_ = static_cast<uint32_t>(shard_bytes(table->per_shard_));
    for (std::atomic<uint64_t> &n : table->evicted_) {
        n.store(0, std::memory_order_relaxed);
    }
    for (uint32_t s = 0; s < kShards; s++) {
        Parts p = table->parts(s);
        new (&p.shard) Shard;
        p.shard.init(table->per_shard_, buckets_for(table->per_shard_),
                     p.buckets);
        if constexpr (kSaves) {
            p.undo->slot = kNone;
        }
    }
    return table;
}

KS_TABLE_T typename KS_TABLE::Parts KS_TABLE::parts(uint32_t s) const {
    const char *base = reinterpret_cast<const char *>(this);
    char *at = const_cast<char *>(base) + round_up(sizeof(Table)) +
               size_t{stride_} * s;
    auto *shard = reinterpret_cast<Shard *>(at);
    at += sizeof(Shard);
    auto *undo = reinterpret_cast<Undo *>(at);
    at += round_up(sizeof(Undo));
    auto *buckets = reinterpret_cast<uint32_t *>(at);
    at += round_up(sizeof(uint32_t) * buckets_for(per_shard_));
    auto *slots = reinterpret_cast<Slot *>(at);
    at += round_up(sizeof(Slot) * per_shard_);
    return {*shard, buckets, slots, reinterpret_cast<Entry *>(at), undo};
}

KS_TABLE_T void KS_TABLE::repair(const Parts &p) {
    if constexpr (kSaves) {
        if (p.undo->slot < p.shard.used) {
            p.entries[p.undo->slot].value = p.undo->value;
            in_order();
        }
        p.undo->slot = kNone;
    }
    p.shard.rebuild(p.buckets, p.slots);
}

KS_TABLE_T uint32_t KS_TABLE::lookup(const Parts &p, uint64_t hash,
                                     const K &key, Millis now) {
    uint32_t i = p.buckets[hash & p.shard.bucket_mask];
    while (i != kNone) {
        const Slot &slot = p.slots[i];
        if (slot.hash == hash && p.entries[i].key == key) {
            if (slot.expires != kNever && slot.expires <= now) {
                p.shard.release(p.buckets, p.slots, i);
                return kNone;
            }
            return i;
        }
        i = slot.chain;
    }
    return kNone;
}

KS_TABLE_T void KS_TABLE::touch(const Parts &p, uint32_t i, Millis now) {
    if (now - p.slots[i].touched >= kTouchEvery) {
        p.slots[i].touched = now;
        p.shard.to_front(p.slots, i);
    }
}

KS_TABLE_T template <class Fn>
bool KS_TABLE::peek(const K &key, Millis now, Fn fn) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    uint32_t i = lookup(p, h, key, now);
    if (i == kNone) {
        return false;
    }
    touch(p, i, now);
    fn(static_cast<const V &>(p.entries[i].value));
    return true;
}

// What was there is kept until fn is through: repair() puts it back.
KS_TABLE_T template <class Fn>
auto KS_TABLE::change(const Parts &p, uint32_t i, Fn fn) {
    static_assert(kSaves, "this table's values are put, not changed");
    struct Done {
        Undo *undo;
        ~Done() {
            in_order();
            undo->slot = kNone;
            in_order();
        }
    };
    p.undo->value = p.entries[i].value;
    in_order();
    p.undo->slot = i;
    in_order();
    Done done{p.undo};
    return fn(p.entries[i].value);
}

KS_TABLE_T template <class Fn>
bool KS_TABLE::update(const K &key, Millis now, Fn fn) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    p.shard.changes.fetch_add(1, std::memory_order_release);
    uint32_t i = lookup(p, h, key, now);
    if (i == kNone) {
        return false;
    }
    touch(p, i, now);
    change(p, i, fn);
    return true;
}

KS_TABLE_T template <class Fn>
bool KS_TABLE::upsert(const K &key, Millis now, Fn fn) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    p.shard.changes.fetch_add(1, std::memory_order_release);
    uint32_t i = lookup(p, h, key, now);
    if (i != kNone) {
        touch(p, i, now);
        if (change(p, i, [&](V &v) { return fn(v, false); }) == Fate::drop) {
            p.shard.release(p.buckets, p.slots, i);
        }
        return true;
    }
    i = room(p, now);
    if (i == kNone) {
        return false;
    }
    // Killed in here, the entry never was.
    Entry *entry = new (&p.entries[i]) Entry{key, V{}};
    if (fn(entry->value, true) == Fate::drop) {
        p.shard.give_back(p.slots, i);
    } else {
        p.shard.insert(p.buckets, p.slots, i, h, now, kNever);
    }
    return true;
}

// A dirty slot, if need be at the cost of another entry.
KS_TABLE_T uint32_t KS_TABLE::room(const Parts &p, Millis now) {
    uint32_t i = p.shard.take(p.slots);
    if (i != kNone) {
        return i;
    }
    int best_rank = kRanks;
    uint32_t best = kNone;
    int looked = 0;
    i = p.shard.oldest;
    // All are live here, so that each is met once at most, even though those
    // that stay go to the front: they would be in the way the next time, too.
    for (uint32_t left = p.shard.live; left > 0; left--) {
        uint32_t next = p.slots[i].newer;
        bool expired =
            p.slots[i].expires != kNever && p.slots[i].expires <= now;
        int rank = expired ? 0 : Policy::rank(p.entries[i].value, now);
        if (rank == kKeep) {
            p.shard.to_front(p.slots, i);
        } else if (rank < best_rank) {
            best_rank = rank;
            best = i;
        }
        if (best_rank == 0 || (++looked >= kEvictLook && best != kNone)) {
            break;
        }
        i = next;
    }
    if (best == kNone) {
        return kNone;
    }
    evicted_[best_rank].fetch_add(1, std::memory_order_relaxed);
    p.shard.release(p.buckets, p.slots, best);
    return p.shard.take(p.slots);
}

KS_TABLE_T bool KS_TABLE::store(const K &key, const V &value, Millis now,
                                Millis expires, const Ticket *ticket) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    if (ticket == nullptr) {
        p.shard.changes.fetch_add(1, std::memory_order_release);
    } else if (p.shard.changes.load(std::memory_order_relaxed) !=
               ticket->changes) {
        return false;
    }
    uint32_t i = lookup(p, h, key, now);
    if (i != kNone) {
        // Killed here, the entry goes: it can be read again.
        p.slots[i].state = SlotState::dirty;
        in_order();
        copy_value(p.entries[i].value, value);
        p.slots[i].expires = expires;
        p.slots[i].touched = now;
        in_order();
        p.slots[i].state = SlotState::live;
        p.shard.to_front(p.slots, i);
        return true;
    }
    i = room(p, now);
    if (i == kNone) {
        return false;
    }
    new (&p.entries[i].key) K(key);
    copy_value(p.entries[i].value, value);
    p.shard.insert(p.buckets, p.slots, i, h, now, expires);
    return true;
}

KS_TABLE_T Ticket KS_TABLE::ticket(const K &key) const {
    return {
        parts(place(hash(key))).shard.changes.load(std::memory_order_acquire)};
}

KS_TABLE_T bool KS_TABLE::remove(const K &key, bool changes) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    if (changes) {
        p.shard.changes.fetch_add(1, std::memory_order_release);
    }
    uint32_t i = lookup(p, h, key, INT64_MIN);
    if (i == kNone) {
        return false;
    }
    p.shard.release(p.buckets, p.slots, i);
    return true;
}

KS_TABLE_T void KS_TABLE::demote(const K &key) {
    uint64_t h = hash(key);
    Parts p = parts(place(h));
    Guard guard(p.shard.mutex, [&] { repair(p); });
    uint32_t i = lookup(p, h, key, INT64_MIN);
    if (i != kNone) {
        p.slots[i].touched = 0;
        p.shard.to_back(p.slots, i);
    }
}

KS_TABLE_T void KS_TABLE::clear() {
    for (uint32_t s = 0; s < kShards; s++) {
        Parts p = parts(s);
        Guard guard(p.shard.mutex, [&] { repair(p); });
        p.shard.changes.fetch_add(1, std::memory_order_release);
        while (p.shard.oldest != kNone) {
            p.shard.release(p.buckets, p.slots, p.shard.oldest);
        }
    }
}

KS_TABLE_T template <class Fn>
void KS_TABLE::each_of(uint32_t s, Millis now, Fn &fn) {
    Parts p = parts(s);
    uint32_t i = 0;
    bool more = true;
    while (more) {
        Guard guard(p.shard.mutex, [&] { repair(p); });
        uint32_t end = i + kEachHold;
        for (; i < end && i < p.shard.used; i++) {
            const Slot &slot = p.slots[i];
            if (slot.state == SlotState::live &&
                (slot.expires == kNever || slot.expires > now)) {
                fn(static_cast<const K &>(p.entries[i].key),
                   static_cast<const V &>(p.entries[i].value));
            }
        }
        more = i < p.shard.used;
    }
}

KS_TABLE_T uint32_t KS_TABLE::size() const {
    uint32_t n = 0;
    for (uint32_t s = 0; s < kShards; s++) {
        Parts p = parts(s);
        Guard guard(p.shard.mutex, [&] { repair(p); });
        n += p.shard.live;
    }
    return n;
}

KS_TABLE_T uint64_t KS_TABLE::repairs() const {
    uint64_t n = 0;
    for (uint32_t s = 0; s < kShards; s++) {
        Parts p = parts(s);
        Guard guard(p.shard.mutex, [&] { repair(p); });
        n += p.shard.repairs;
    }
    return n;
}

KS_TABLE_T uint64_t KS_TABLE::evicted() const {
    uint64_t n = 0;
    for (int rank = 0; rank < kRanks; rank++) {
        n += evicted(rank);
    }
    return n;
}

KS_TABLE_T Result<void> KS_TABLE::check() {
    for (uint32_t s = 0; s < kShards; s++) {
        Parts p = parts(s);
        Guard guard(p.shard.mutex, [&] { repair(p); });
        Result<void> sound = p.shard.check(p.buckets, p.slots);
        if (!sound) {
            return sound;
        }
        for (uint32_t i = 0; i < p.shard.used; i++) {
            if (p.slots[i].state == SlotState::live &&
                (hash(p.entries[i].key) != p.slots[i].hash ||
                 place(p.slots[i].hash) != s)) {
                return Error(Code::internal, "zone: key in a wrong shard");
            }
        }
    }
    return {};
}

#undef KS_TABLE
#undef KS_TABLE_T

} // namespace ks::zone
