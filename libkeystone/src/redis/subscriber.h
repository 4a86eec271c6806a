// A connection that only listens, to one channel.
#pragma once

#include "redis/link.h"

#include <functional>
#include <string>

namespace ks::redis {

class Subscriber : private Link::Owner {
  public:
    static constexpr Millis kPingEvery = 5 * kSecond; // when nothing is heard

    Subscriber(Options options, std::string channel);

    // Both before start().  `changed`: true when the channel is heard from now
    // on, and what was said before may have been missed; false when not any
    // more.
    std::function<void(bool)> changed;
    std::function<void(std::string_view)> heard;

    void start() { link_.start(); }
    bool up() const { return up_; }
    const Health &health() const { return link_.health(); }

  private:
    class Watch : public rt::Timer {
      public:
        explicit Watch(Subscriber &subscriber)
            : rt::Timer(rt::Hold::none), subscriber_(subscriber) {}

      private:
        void expired() override { subscriber_.silent(); }
        Subscriber &subscriber_;
    };

    void link_up() override;
    void link_reply(codec::Reply reply) override;
    void link_down() override;
    void silent();
    void set_up(bool up);

    std::string channel_;
    Link link_;
    bool up_ = false;
    bool asked_ = false; // an answer is due
    Watch watch_{*this};
};

} // namespace ks::redis
