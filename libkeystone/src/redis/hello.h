// What is said first on every connection, and whether the answers will do.
// Pure: commands out, replies in.
#pragma once

#include "codec/resp.h"
#include "redis/options.h"

#include <string>
#include <vector>

namespace ks::redis {

class Hello {
  public:
    enum class State : uint8_t { asking, done, refused };

    explicit Hello(const Options &options);

    // All of it at once.
    std::string request() const;
    State reply(const codec::Reply &reply);
    // When refused: why, and the cure.  Never what Redis says word by word: of
    // a command it does not know it repeats the arguments.
    const std::string &trouble() const { return trouble_; }
    // When done: Redis's clock then, microseconds.
    int64_t time() const { return time_; }

  private:
    enum class Step : uint8_t { auth, select, name, time, ping };

    const Options &options_;
    std::vector<Step> steps_; // not answered yet: from at_
    size_t at_ = 0;
    int64_t time_ = 0;
    std::string trouble_;

    bool accept(Step step, const codec::Reply &reply);
    std::string why_not(Step step, const codec::Reply &error) const;
};

// What is wrong with a Redis that answers so; empty when the command alone is.
std::string trouble_of(const codec::Reply &error);
// Another connection may find a better one: a replica that was promoted, data
// that was loaded.
bool is_hopeless(const codec::Reply &error);

} // namespace ks::redis
