// One event loop's worth of suspended work: what is ready to go on, what waits
// for a time, what runs on behalf of the worker itself.
//
// Trampoline: a completion never resumes anybody from where it happens.  It
// puts a Ready on the queue; run() drains the queue when no frame of ours is on
// the stack.  So depth is bounded and a coroutine is never re-entered.
#pragma once

#include "rt/host.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace ks::rt {

template <class T> class Task;

// Something to be done by run().  Leaves the queue when destroyed: that is what
// makes destroying a suspended coroutine a safe way to cancel it.
class Ready {
  public:
    Ready() = default;
    Ready(const Ready &) = delete;
    Ready &operator=(const Ready &) = delete;
    virtual ~Ready() { unlink(); }

    bool queued() const { return prev_ != nullptr; }

  protected:
    virtual void fire() = 0;
    void unlink() {
        if (prev_ != nullptr) {
            prev_->next_ = next_;
            next_->prev_ = prev_;
            prev_ = next_ = nullptr;
        }
    }

  private:
    friend class Loop;
    Ready *prev_ = nullptr;
    Ready *next_ = nullptr;
};

enum class Hold : uint8_t {
    worker, // a request waits: a draining worker stays for it
    none    // background: may be forgotten when the worker drains
};

// Fires once at a time on the monotonic clock; re-armed or disarmed at will.
class Timer {
  public:
    explicit Timer(Hold hold = Hold::worker) : hold_(hold) {}
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;
    virtual ~Timer() { disarm(); }

    void arm_at(Millis at);
    void arm_in(Millis delay);
    void disarm();
    bool armed() const { return index_ != kUnarmed; }

  protected:
    virtual void expired() = 0;

  private:
    friend class Loop;
    static constexpr size_t kUnarmed = static_cast<size_t>(-1);
    size_t index_ = kUnarmed; // in the loop's heap
    Millis at_ = 0;
    Hold hold_;
};

// One a process at a time; current() is how awaiters find it.
class Loop {
  public:
    explicit Loop(Host &host);
    ~Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    static Loop &current() { return *current_; }

    Host &host() { return host_; }
    Millis now() { return host_.now(); }
    WallMs wall() { return host_.wall(); }
    Entropy &entropy() { return host_.entropy(); }
    void log(LogLevel level, std::string_view text) { host_.log(level, text); }

    // Queue once; a Ready that is queued already stays where it is.
    void ready(Ready &item);

    // Fires due timers and what is ready, then sets the host's alarms.  Bounded
    // per call: what is left is done after the host had a turn.
    void run();

    // Runs a task in the scope of the worker, not of a request.  It ends by
    // itself or when the loop does.
    void spawn(Task<void> task);
    size_t spawned() const { return spawned_count_; }
    // Before what they work with goes.
    void cancel_spawned();

    // The process drains: background work should end by itself.
    void drain();
    // Called then, once, from the loop.
    void on_drain(std::function<void()> fn) {
        on_drain_.push_back(std::move(fn));
    }
    bool draining() const { return draining_; }

  private:
    friend class Timer;
    class Spawned;
    class End : public Ready {
        void fire() override {}
    };
    using Heap = std::vector<Timer *>;

    Heap &heap(Hold hold) { return hold == Hold::worker ? held_ : free_; }
    void insert(Timer &t);
    void remove(Timer &t);
    static void sift_up(Heap &h, size_t i);
    static void sift_down(Heap &h, size_t i);
    static void place(Heap &h, size_t i, Timer *t);
    void fire_timers(Heap &h, Millis now);
    void set_alarms();
    template <class Fn> void guarded(Fn fn);

    static inline Loop *current_ = nullptr;

    Host &host_;
    End queue_; // circular: queue_.next_ is the first
    Heap held_;
    Heap free_;
    Millis alarm_[2] = {kNever, kNever}; // as last told to the host
    Spawned *spawned_ = nullptr;         // intrusive list, owned
    size_t spawned_count_ = 0;
    bool running_ = false;
    bool posted_ = false;
    bool draining_ = false;
    std::vector<std::function<void()>> on_drain_;
};

} // namespace ks::rt
