// What every worker of every host hears at once, where there is a Redis.
//
// A hint, never the truth: a message may be lost, come twice, or late, and
// whoever may write to Redis may say anything.  So what it announces is looked
// up, or looked for again after a while.  The worker that publishes does not
// hear itself.
#pragma once

#include "base/id.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ks::store {

class Bus {
  public:
    static constexpr size_t kMaxPayload = 64 * 1024;
    using Handler = std::function<void(std::string_view payload)>;

    // False: nothing is heard now, and what is published is lost.
    bool up() const { return up_; }

    // Nobody waits for it.  `kind` is one word.
    void publish(std::string_view kind, std::string_view payload);
    // Called from the loop, where no coroutine of ours is on the stack.
    void on(std::string_view kind, Handler handler);
    // It is up (again): messages before this may have been lost.
    std::function<void()> gap;

    // The side of Redis (shared.cc).
    void use(Id self, std::function<void(std::string)> send);
    void set_up(bool up);
    // What is garbled, too large, of another version or our own is dropped.
    void heard(std::string_view message);

  private:
    Id self_;
    bool up_ = false;
    std::function<void(std::string)> send_;
    std::map<std::string, std::vector<Handler>, std::less<>> handlers_;
};

} // namespace ks::store
