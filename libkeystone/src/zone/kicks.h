// A ring of "end this session", written by any worker, read by all.
//
// A session's record also carries the wish (see sessions.h), so nothing is lost
// when a reader was away for longer than the ring is: it is told, and looks at
// the records of its own sessions instead.
#pragma once

#include "base/id.h"
#include "model/session.h"
#include "zone/mutex.h"

#include <atomic>
#include <cstdint>
#include <span>

namespace ks::zone {

struct Kick {
    uint64_t seq = 0;
    Id session;
    model::EndReason reason = model::EndReason::kicked;
};

class Kicks {
  public:
    static constexpr uint64_t kLength = 1024;

    struct Read {
        size_t count = 0;      // entries written to `out`
        bool overflow = false; // some were missed: scan the records
    };

    void init();
    void push(const Id &session, model::EndReason reason);
    // Where a worker that starts now begins to read.
    uint64_t head() const { return head_.load(std::memory_order_acquire); }
    // Without a lock when there is nothing new.  Moves the cursor.
    Read read(uint64_t *cursor, std::span<Kick> out);

  private:
    Mutex mutex_;
    std::atomic<uint64_t> head_; // number of the next entry
    Kick ring_[kLength];
};

} // namespace ks::zone
