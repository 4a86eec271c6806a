// One coroutine waits for a time, and may be called before it.
//     co_await bell.wait(500, Hold::none);
// true: it rang, perhaps before the wait began.
#pragma once

#include "rt/task.h"

namespace ks::rt {

class Bell {
  public:
    class Wait : public Op, private Timer {
      public:
        Wait(Bell &bell, Millis limit, Hold hold)
            : Timer(hold), bell_(bell), limit_(limit) {}
        ~Wait() override {
            if (bell_.waiter_ == this) {
                bell_.waiter_ = nullptr;
            }
        }
        bool await_ready() { return bell_.rung_; }
        void await_suspend(std::coroutine_handle<> waiter) {
            Op::await_suspend(waiter);
            bell_.waiter_ = this;
            if (limit_ != kNever) {
                arm_in(limit_);
            }
        }
        bool await_resume() { return std::exchange(bell_.rung_, false); }

      private:
        friend class Bell;
        void expired() override { complete(); }
        Bell &bell_;
        Millis limit_;
    };

    // Outlives the wait.
    void ring() {
        rung_ = true;
        if (waiter_ != nullptr) {
            waiter_->complete();
        }
    }
    void hush() { rung_ = false; }
    // kNever: until it rings.
    Wait wait(Millis limit, Hold hold) { return Wait(*this, limit, hold); }

  private:
    Wait *waiter_ = nullptr;
    bool rung_ = false;
};

} // namespace ks::rt
