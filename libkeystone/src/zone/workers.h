// Who uses the zone, who of them is gone, and who does the periodic jobs.
//
// A worker holds a robust lock for as long as it lives.  The kernel gives that
// lock up when the process ends, however it ends: no process number can be
// mistaken for another, and /proc is not needed.
#pragma once

#include "base/time.h"
#include "zone/mutex.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace ks::zone {

class Workers {
  public:
    static constexpr uint32_t kSlots = 512;
    static constexpr uint32_t kNoSlot = UINT32_MAX;

    struct Gone {
        int32_t pid;
        // Its number was given to a new worker: what that one owns began at
        // this time or later.  INT64_MAX: it was not.
        WallMs before;
    };

    void init();

    // By the thread that runs the event loop, which must live as long as the
    // process.  kNoSlot: all are taken; the worker then works unwatched.
    uint32_t enter(int32_t pid, WallMs now);
    void leave(uint32_t slot);
    void beat(uint32_t slot, Millis now);

    // fn(Gone) for each that ended without leave(); the slot is free after
    // it.  One caller at a time gets each of them.  Returns how many.
    template <class Fn> int reap(Fn fn) {
        int n = 0;
        for (uint32_t i = 0; i < kSlots; i++) {
            Gone gone;
            if (bury(i, &gone)) {
                fn(gone);
                forget(i);
                n++;
            }
        }
        return n;
    }
    // This worker ends soon.  True for the last of all that do: nobody else
    // is there, or stays.
    bool retire(uint32_t slot);
    // Nobody else is there who has not retired.
    bool is_last(uint32_t slot);
    // A worker that entered, has this number, and ended without leave().
    bool is_dead(int32_t pid);
    int count() const;
    std::vector<int32_t> processes() const;

    // True: do the periodic jobs until the next call.  The lease is renewed by
    // calling in time; another takes it over when it ends or its holder dies.
    bool lead(uint32_t slot, Millis now, Millis lease);
    // Gives the lease back, if it is this one's.
    void resign(uint32_t slot);

  private:
    struct Slot {
        Mutex life;               // held by the worker
        std::atomic<int32_t> pid; // 0: free
        std::atomic<WallMs> since;
        std::atomic<Millis> beat;
        std::atomic<uint32_t> retired;
    };

    bool bury(uint32_t i, Gone *gone);
    void forget(uint32_t i);

    Mutex mutex_; // guards taking a slot, and the lease
    std::atomic<uint32_t> leader_;
    std::atomic<Millis> lease_until_;
    Slot slots_[kSlots];
};

} // namespace ks::zone
