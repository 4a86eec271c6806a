// A lock in shared memory that outlives its holder: a worker killed with -9
// inside it does not stop the others, the next one repairs and goes on.
#pragma once

#include <pthread.h>

namespace ks::zone {

class Mutex {
  public:
    // Once, by the one process that formats the memory around it.
    void init();

    // True: the last holder died inside.  Repair what this guards, then call
    // consistent().  Not recursive; a second lock() by the holder aborts.
    [[nodiscard]] bool lock();
    void consistent();
    void unlock();

    enum class Took { no, clean, after_death };
    [[nodiscard]] Took try_lock();

  private:
    pthread_mutex_t mutex_;
};

// `repair` runs under the lock when the last holder died.  It may itself be
// killed half-way: the next holder then starts it again.
class Guard {
  public:
    template <class Repair> Guard(Mutex &mutex, Repair repair) : mutex_(mutex) {
        if (mutex_.lock()) {
            repair();
            mutex_.consistent();
        }
    }
    ~Guard() { mutex_.unlock(); }
    Guard(const Guard &) = delete;
    Guard &operator=(const Guard &) = delete;

  private:
    Mutex &mutex_;
};

} // namespace ks::zone
