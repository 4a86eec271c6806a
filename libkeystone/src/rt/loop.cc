#include "rt/loop.h"

#include "rt/task.h"

#include <cassert>
#include <utility>

namespace ks::rt {

namespace {
// Enough to finish a burst in one go, few enough that sockets get their turn.
constexpr int kMaxPerRun = 1024;
} // namespace

// A task of the worker; deletes itself when the task has ended.
class Loop::Spawned : public Ready {
  public:
    Spawned(Loop &loop, Task<void> task)
        : loop_(loop), task_(std::move(task)), next_(loop.spawned_) {
        if (next_ != nullptr) {
            next_->prev_ = this;
        }
        loop_.spawned_ = this;
        loop_.spawned_count_++;
    }
    ~Spawned() override {
        (prev_ != nullptr ? prev_->next_ : loop_.spawned_) = next_;
        if (next_ != nullptr) {
            next_->prev_ = prev_;
        }
        loop_.spawned_count_--;
    }

    void start() {
        if (task_.start()) {
            end();
        } else {
            task_.on_done(this);
        }
    }

  private:
    void fire() override { end(); }

    void end() {
        try {
            task_.take();
        } catch (const std::exception &e) {
            loop_.log(LogLevel::alert,
                      std::string("background task failed: ") + e.what());
        }
        delete this;
    }

    Loop &loop_;
    Task<void> task_;
    Spawned *prev_ = nullptr;
    Spawned *next_;
};

void Timer::arm_at(Millis at) {
    disarm();
    at_ = at;
    Loop::current().insert(*this);
}

void Timer::arm_in(Millis delay) { arm_at(Loop::current().now() + delay); }

void Timer::disarm() {
    if (armed()) {
        Loop::current().remove(*this);
    }
}

Loop::Loop(Host &host) : host_(host) {
    assert(current_ == nullptr);
    current_ = this;
    queue_.prev_ = queue_.next_ = &queue_;
}

Loop::~Loop() {
    cancel_spawned();
    // What is on a thread still outlives us, and its timer with it.
    for (Heap *h : {&held_, &free_}) {
        for (Timer *t : *h) {
            t->index_ = Timer::kUnarmed;
        }
    }
    host_.alarm(true, kNever);
    host_.alarm(false, kNever);
    queue_.prev_ = queue_.next_ = nullptr;
    current_ = nullptr;
}

void Loop::drain() {
    draining_ = true;
    for (const auto &fn : std::exchange(on_drain_, {})) {
        fn();
    }
}

void Loop::ready(Ready &item) {
    if (item.queued()) {
        return;
    }
    item.prev_ = queue_.prev_;
    item.next_ = &queue_;
    queue_.prev_->next_ = &item;
    queue_.prev_ = &item;
    if (!running_ && !posted_) {
        posted_ = true;
        host_.post();
    }
}

void Loop::run() {
    if (running_) {
        return; // a callback called us back: the outer run goes on
    }
    running_ = true;
    posted_ = false;
    Millis now = host_.now();
    for (Heap *h : {&held_, &free_}) {
        guarded([&] { fire_timers(*h, now); });
    }
    for (int i = 0; i < kMaxPerRun && queue_.next_ != &queue_; i++) {
        Ready *item = queue_.next_;
        item->unlink();
        guarded([&] { item->fire(); }); // may delete the item
    }
    running_ = false;
    if (queue_.next_ != &queue_) {
        posted_ = true;
        host_.post();
    }
    set_alarms();
}

// What one of them throws must not stop the others, nor this loop for good.
template <class Fn> void Loop::guarded(Fn fn) {
    try {
        fn();
    } catch (const std::exception &e) {
        host_.log(LogLevel::alert, e.what());
    }
}

void Loop::spawn(Task<void> task) {
    auto *spawned = new Spawned(*this, std::move(task));
    spawned->start();
    if (!running_) {
        set_alarms();
    }
}

void Loop::cancel_spawned() {
    while (spawned_ != nullptr) {
        delete spawned_;
    }
}

// Timers: two binary heaps, each timer knows its index, so that disarming is
// O(log n) and arming allocates nothing once the vector has grown.

void Loop::place(Heap &h, size_t i, Timer *t) {
    h[i] = t;
    t->index_ = i;
}

void Loop::sift_up(Heap &h, size_t i) {
    Timer *t = h[i];
    while (i > 0 && t->at_ < h[(i - 1) / 2]->at_) {
        place(h, i, h[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(h, i, t);
}

void Loop::sift_down(Heap &h, size_t i) {
    Timer *t = h[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h.size()) {
            break;
        }
        if (child + 1 < h.size() && h[child + 1]->at_ < h[child]->at_) {
            child++;
        }
        if (t->at_ <= h[child]->at_) {
            break;
        }
        place(h, i, h[child]);
        i = child;
    }
    place(h, i, t);
}

void Loop::insert(Timer &t) {
    Heap &h = heap(t.hold_);
    h.push_back(&t);
    sift_up(h, h.size() - 1);
    if (!running_) {
        set_alarms();
    }
}

void Loop::remove(Timer &t) {
    Heap &h = heap(t.hold_);
    size_t i = std::exchange(t.index_, Timer::kUnarmed);
    Timer *last = h.back();
    h.pop_back();
    if (i < h.size()) {
        place(h, i, last);
        sift_up(h, i);
        sift_down(h, last->index_);
    }
    if (!running_) {
        set_alarms();
    }
}

void Loop::fire_timers(Heap &h, Millis now) {
    for (int i = 0; i < kMaxPerRun && !h.empty() && h[0]->at_ <= now; i++) {
        Timer *t = h[0];
        remove(*t);
        t->expired();
    }
}

void Loop::set_alarms() {
    const Heap *heaps[2] = {&held_, &free_};
    for (int i = 0; i < 2; i++) {
        Millis at = heaps[i]->empty() ? kNever : heaps[i]->front()->at_;
        // One that is due still (there were too many for one turn) is told
        // again: the host's alarm for it has gone off.
        if (at != alarm_[i] || (at != kNever && at <= host_.now())) {
            alarm_[i] = at;
            host_.alarm(i == 0, at);
        }
    }
}

} // namespace ks::rt
