// Task<T>: a lazy coroutine that owns its frame.  Destroying it cancels it: its
// locals go, and with them whatever they waited for.
//
// A child task is started in await_ready() and, when it ends without waiting,
// its result is there without a trip through the ready queue: a warm cache costs
// no loop turn.  gcc 12 fence: co_await stands alone in its statement, with
// named or trivially destructible arguments (docs/architecture.md).
#pragma once

#include "base/result.h"
#include "rt/loop.h"

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace ks::rt {

// An awaiter's half of a wait: completing it resumes who waits, by the queue.
class Op : public Ready {
  public:
    void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }

  protected:
    void complete() { Loop::current().ready(*this); }
    void fire() final {
        auto waiter = std::exchange(waiter_, nullptr);
        if (waiter) {
            waiter.resume();
        }
    }

  private:
    std::coroutine_handle<> waiter_ = nullptr;
};

namespace detail {

class PromiseBase {
  public:
    std::suspend_always initial_suspend() noexcept { return {}; }

    struct Final {
        bool await_ready() noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> h) noexcept {
            Ready *then = h.promise().then_;
            if (then != nullptr) {
                Loop::current().ready(*then);
            }
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }

    void unhandled_exception() { failure_ = std::current_exception(); }

    Ready *then_ = nullptr; // queued when the coroutine has ended
    std::exception_ptr failure_;
};

template <class T> class Promise : public PromiseBase {
  public:
    Task<T> get_return_object();
    template <class U> void return_value(U &&value) {
        value_.emplace(std::forward<U>(value));
    }
    T take() {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        return std::move(*value_);
    }

  private:
    std::optional<T> value_;
};

template <> class Promise<void> : public PromiseBase {
  public:
    Task<void> get_return_object();
    void return_void() {}
    void take() {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }
};

} // namespace detail

template <class T> class [[nodiscard]] Task {
  public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle h) : h_(h) {}
    Task(Task &&other) noexcept : h_(std::exchange(other.h_, nullptr)) {}
    Task &operator=(Task &&other) noexcept {
        if (this != &other) {
            destroy();
            h_ = std::exchange(other.h_, nullptr);
        }
        return *this;
    }
    ~Task() { destroy(); }

    explicit operator bool() const { return h_ != nullptr; }
    bool done() const { return h_.done(); }

    // Runs it to its first real wait; true when it has ended.  Once only.
    bool start() {
        h_.resume();
        return h_.done();
    }

    // Queue `then` when it ends.  For whoever called start().
    void on_done(Ready *then) { h_.promise().then_ = then; }

    // The result, or throws what the coroutine threw.  Once, after done().
    T take() { return h_.promise().take(); }

    void destroy() {
        if (h_) {
            std::exchange(h_, nullptr).destroy();
        }
    }

    class Awaiter : public Op {
      public:
        explicit Awaiter(Task task) : task_(std::move(task)) {}
        bool await_ready() { return task_.start(); }
        void await_suspend(std::coroutine_handle<> waiter) {
            Op::await_suspend(waiter);
            task_.on_done(this);
        }
        T await_resume() { return task_.take(); }

      private:
        Task task_;
    };

    Awaiter operator co_await() && { return Awaiter(std::move(*this)); }

  private:
    Handle h_ = nullptr;
};

namespace detail {

template <class T> Task<T> Promise<T>::get_return_object() {
    return Task<T>(Task<T>::Handle::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() {
    return Task<void>(Task<void>::Handle::from_promise(*this));
}

} // namespace detail

} // namespace ks::rt
