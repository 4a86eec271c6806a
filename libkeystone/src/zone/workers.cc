#include "zone/workers.h"

#include <algorithm>

namespace ks::zone {

namespace {

// A slot counts once its pid is set, which is one store: nothing to repair.
void nothing() {}

} // namespace

void Workers::init() {
    mutex_.init();
    leader_.store(kNoSlot, std::memory_order_relaxed);
    lease_until_.store(INT64_MIN, std::memory_order_relaxed);
    for (Slot &slot : slots_) {
        slot.life.init();
        slot.pid.store(0, std::memory_order_relaxed);
        slot.since.store(0, std::memory_order_relaxed);
        slot.beat.store(0, std::memory_order_relaxed);
        slot.retired.store(0, std::memory_order_relaxed);
    }
}

uint32_t Workers::enter(int32_t pid, WallMs now) {
    Guard guard(mutex_, nothing);
    for (uint32_t i = 0; i < kSlots; i++) {
        Slot &slot = slots_[i];
        if (slot.pid.load(std::memory_order_acquire) != 0) {
            continue;
        }
        Mutex::Took took = slot.life.try_lock();
        if (took == Mutex::Took::no) {
            continue;
        }
        if (took == Mutex::Took::after_death) {
            slot.life.consistent();
        }
        slot.since.store(now, std::memory_order_relaxed);
        slot.retired.store(0, std::memory_order_relaxed);
        slot.pid.store(pid, std::memory_order_release);
        return i;
    }
    return kNoSlot;
}

void Workers::leave(uint32_t slot) {
    if (slot >= kSlots) {
        return;
    }
    forget(slot);
}

void Workers::beat(uint32_t slot, Millis now) {
    if (slot < kSlots) {
        slots_[slot].beat.store(now, std::memory_order_relaxed);
    }
}

// True with the slot's lock held: its worker is gone.  That the lock was given
// back in good order means only that is_dead() or lead() looked before.
bool Workers::bury(uint32_t i, Gone *gone) {
    Slot &slot = slots_[i];
    int32_t pid = slot.pid.load(std::memory_order_acquire);
    if (pid == 0) {
        return false;
    }
    Mutex::Took took = slot.life.try_lock();
    if (took == Mutex::Took::no) {
        return false;
    }
    if (took == Mutex::Took::after_death) {
        slot.life.consistent();
    }
    if (slot.pid.load(std::memory_order_acquire) != pid) {
        slot.life.unlock();
        return false;
    }
    *gone = Gone{pid, INT64_MAX};
    for (uint32_t j = 0; j < kSlots; j++) {
        if (j != i && slots_[j].pid.load(std::memory_order_acquire) == pid) {
            WallMs since = slots_[j].since.load(std::memory_order_relaxed);
            gone->before = std::min(gone->before, since);
        }
    }
    return true;
}

void Workers::resign(uint32_t slot) {
    uint32_t leader = slot;
    if (leader_.compare_exchange_strong(leader, kNoSlot)) {
        lease_until_.store(INT64_MIN, std::memory_order_relaxed);
    }
}

void Workers::forget(uint32_t i) {
    resign(i);
    slots_[i].pid.store(0, std::memory_order_release);
    slots_[i].life.unlock();
}

bool Workers::is_dead(int32_t pid) {
    bool dead = false;
    for (Slot &slot : slots_) {
        if (slot.pid.load(std::memory_order_acquire) != pid) {
            continue;
        }
        Mutex::Took took = slot.life.try_lock();
        if (took == Mutex::Took::no) {
            return false;
        }
        if (took == Mutex::Took::after_death) {
            slot.life.consistent();
        }
        // leave() may have been quicker.
        dead |= slot.pid.load(std::memory_order_acquire) == pid;
        slot.life.unlock();
    }
    return dead;
}

int Workers::count() const {
    int n = 0;
    for (const Slot &slot : slots_) {
        n += slot.pid.load(std::memory_order_relaxed) != 0 ? 1 : 0;
    }
    return n;
}

std::vector<int32_t> Workers::processes() const {
    std::vector<int32_t> all;
    for (const Slot &slot : slots_) {
        int32_t pid = slot.pid.load(std::memory_order_relaxed);
        if (pid != 0) {
            all.push_back(pid);
        }
    }
    return all;
}

bool Workers::retire(uint32_t slot) {
    if (slot >= kSlots) {
        return false;
    }
    {
        Guard guard(mutex_, nothing);
        slots_[slot].retired.store(1, std::memory_order_relaxed);
    }
    return is_last(slot);
}

bool Workers::is_last(uint32_t slot) {
    std::vector<int32_t> others;
    {
        Guard guard(mutex_, nothing);
        for (uint32_t i = 0; i < kSlots; i++) {
            int32_t pid = slots_[i].pid.load(std::memory_order_acquire);
            if (i != slot && pid != 0 &&
                slots_[i].retired.load(std::memory_order_relaxed) == 0) {
                others.push_back(pid);
            }
        }
    }
    return std::all_of(others.begin(), others.end(),
                       [&](int32_t pid) { return is_dead(pid); });
}

bool Workers::lead(uint32_t slot, Millis now, Millis lease) {
    if (slot >= kSlots) {
        return false;
    }
    Guard guard(mutex_, nothing);
    uint32_t leader = leader_.load(std::memory_order_acquire);
    bool free = leader == slot || leader >= kSlots ||
                lease_until_.load(std::memory_order_relaxed) <= now;
    if (!free) {
        Mutex &life = slots_[leader].life;
        Mutex::Took took = life.try_lock();
        free = took != Mutex::Took::no;
        if (took == Mutex::Took::after_death) {
            life.consistent();
        }
        if (free) {
            life.unlock();
        }
    }
    if (free) {
        leader_.store(slot, std::memory_order_release);
        lease_until_.store(now + lease, std::memory_order_relaxed);
    }
    return free;
}

} // namespace ks::zone
