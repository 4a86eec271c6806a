// What a coroutine can wait for besides another task.
#pragma once

#include "rt/task.h"

#include <type_traits>

namespace ks::rt {

// co_await sleep_for(250, Hold::none);
class Sleep : public Op, private Timer {
  public:
    Sleep(Millis delay, Hold hold) : Timer(hold), delay_(delay) {}
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        Op::await_suspend(waiter);
        arm_in(delay_);
    }
    void await_resume() {}

  private:
    void expired() override { complete(); }
    Millis delay_;
};

inline Sleep sleep_for(Millis delay, Hold hold = Hold::worker) {
    return Sleep(delay, hold);
}

// The task's result if it is there within `limit`, else `late`, and the task is
// cancelled:
//     auto work = query(...);
//     auto got = co_await within(std::move(work), 2000, Code::overloaded, "...");
template <class T> class Within : public Op, private Timer {
  public:
    Within(Task<Result<T>> task, Millis limit, Code late, const char *detail)
        : task_(std::move(task)), limit_(limit), late_(late), detail_(detail) {}
    bool await_ready() { return task_.start(); }
    void await_suspend(std::coroutine_handle<> waiter) {
        Op::await_suspend(waiter);
        task_.on_done(this);
        arm_in(limit_);
    }
    Result<T> await_resume() {
        if (task_.done()) {
            return task_.take();
        }
        task_.destroy();
        return Error(late_, detail_, 1);
    }

  private:
    void expired() override { complete(); }
    Task<Result<T>> task_;
    Millis limit_;
    Code late_;
    const char *detail_;
};

template <class T>
Within<T> within(Task<Result<T>> task, Millis limit, Code late,
                 const char *detail) {
    return Within<T>(std::move(task), limit, late, detail);
}

// Runs fn() on a thread of the pool.  fn must own all it touches: when the
// waiter goes (cancelled), fn still runs to its end and its result is dropped.
//     auto hash = [password = std::move(password)] { return argon2(password); };
//     auto got = co_await offload(Pool::hash, std::move(hash));
// gives Result<what fn returns>; Code::overloaded when the queue is full.
template <class Fn> class Offload : public Op {
    using T = std::invoke_result_t<Fn &>;
    static_assert(!std::is_void_v<T>);

    class Work : public Job, private Timer {
      public:
        Work(Offload *waiter, Fn fn)
            : Timer(Hold::worker), waiter_(waiter), fn_(std::move(fn)) {}

        bool post(Pool pool) {
            if (!Loop::current().host().offload(pool, this)) {
                return false;
            }
            arm_in(kHoldFor); // a draining worker waits for its threads
            return true;
        }
        void run() noexcept override {
            try {
                value_.emplace(fn_());
            } catch (const std::exception &) {
                value_.reset(); // out of memory, most likely
            }
        }
        void done() noexcept override {
            if (waiter_ != nullptr) {
                waiter_->work_ = nullptr;
                waiter_->value_ = std::move(value_);
                waiter_->complete();
            }
            delete this;
        }
        void abandon() { waiter_ = nullptr; }

      private:
        static constexpr Millis kHoldFor = 60 * kSecond;
        void expired() override { arm_in(kHoldFor); }

        Offload *waiter_;
        Fn fn_;
        std::optional<T> value_;
    };

  public:
    Offload(Pool pool, Fn fn) : pool_(pool), fn_(std::move(fn)) {}
    Offload(Offload &&) = delete;
    ~Offload() override {
        if (work_ != nullptr) {
            work_->abandon();
        }
    }

    bool await_ready() {
        auto work = std::make_unique<Work>(this, std::move(fn_));
        if (!work->post(pool_)) {
            full_ = true;
            return true;
        }
        work_ = work.release(); // its own from here: done() deletes it
        return false;
    }
    Result<T> await_resume() {
        if (full_) {
            return Error(Code::overloaded,
                         "Too much work is queued. Try again in a moment.", 1);
        }
        if (!value_) {
            return Error(Code::internal, "Work on a thread failed.");
        }
        return std::move(*value_);
    }

  private:
    Pool pool_;
    Fn fn_;
    Work *work_ = nullptr;
    std::optional<T> value_;
    bool full_ = false;
};

template <class Fn> Offload<Fn> offload(Pool pool, Fn fn) {
    return Offload<Fn>(pool, std::move(fn));
}

} // namespace ks::rt
