// One flight per key: many who want the same thing share one look-up.  The
// look-up belongs to the worker, so it goes on when the first asker leaves.
#pragma once

#include "rt/task.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace ks::rt {

template <class Key, class T> class Flights {
  public:
    using Load = std::function<Task<Result<T>>()>;

    // The outcome of load(), or of the flight that is already under way.  T is
    // copied to every waiter.  `load` and what it captures outlive the flight.
    //
    // `stamp` differs after every write to what is looked up: who asks after a
    // write never joins a flight from before it, which may land with the old.
    Task<Result<T>> join(Key key, Load load, uint64_t stamp = 0) {
        std::shared_ptr<Flight> &newest = flights_[key];
        std::shared_ptr<Flight> flight = newest;
        if (flight == nullptr || flight->stamp != stamp) {
            flight = newest = std::make_shared<Flight>();
            flight->stamp = stamp;
            Loop::current().spawn(lead(key, flight, std::move(load)));
        }
        Wait wait(*flight);
        co_await wait;
        co_return *flight->outcome;
    }

    size_t size() const { return flights_.size(); }

  private:
    class Wait;
    struct Flight {
        std::optional<Result<T>> outcome;
        uint64_t stamp = 0;
        Wait *first = nullptr;
    };

    class Wait : public Op {
      public:
        explicit Wait(Flight &flight) : flight_(flight) {}
        ~Wait() override { leave(); }
        bool await_ready() { return flight_.outcome.has_value(); }
        void await_suspend(std::coroutine_handle<> waiter) {
            Op::await_suspend(waiter);
            next_ = flight_.first;
            if (next_ != nullptr) {
                next_->link_ = &next_;
            }
            link_ = &flight_.first;
            flight_.first = this;
        }
        void await_resume() {}
        void land() {
            leave();
            this->complete();
        }

      private:
        void leave() {
            if (link_ != nullptr) {
                *link_ = next_;
                if (next_ != nullptr) {
                    next_->link_ = link_;
                }
                link_ = nullptr;
            }
        }
        Flight &flight_;
        Wait **link_ = nullptr; // who points at us
        Wait *next_ = nullptr;
    };

    Task<void> lead(Key key, std::shared_ptr<Flight> flight, Load load) {
        Result<T> outcome = Error(Code::internal, "Look-up failed.");
        try {
            auto work = load();
            outcome = co_await std::move(work);
        } catch (const std::exception &e) {
            Loop::current().log(LogLevel::err,
                                std::string("look-up failed: ") + e.what());
        }
        auto newest = flights_.find(key);
        if (newest != flights_.end() && newest->second == flight) {
            flights_.erase(newest);
        }
        flight->outcome.emplace(std::move(outcome));
        while (flight->first != nullptr) {
            flight->first->land();
        }
    }

    std::map<Key, std::shared_ptr<Flight>> flights_; // the newest of each
};

} // namespace ks::rt
