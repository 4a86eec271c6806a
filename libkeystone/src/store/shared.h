// What lies in Redis, where there is one: the only keys of ours are made here
// and in second.cc and rates.cc.  One a worker, with two connections: one for
// commands, one that listens to the bus.
//
// Nothing in Redis is the truth, and nobody has to wait for it: see
// redis/client.h for what happens when it is away.
#pragma once

#include "base/hash.h"
#include "conf/redis.h"
#include "redis/client.h"
#include "redis/subscriber.h"
#include "store/bus.h"

#include <string>
#include <string_view>

namespace ks::store {

// For /readyz, metrics and the log.
struct SharedState {
    bool configured = false;
    bool usable = false;
    std::string trouble; // for the administrator
    WallMs since = 0;
};

// `suffix`: of the name that Redis shows for us.
redis::Options redis_options(const conf::Redis &redis, std::string_view suffix);

class Shared {
  public:
    // `secret` is one that all hosts have: what is in Redis is sealed with a
    // key made of it.  The bus outlives this.
    Shared(const conf::Redis &redis, std::string_view secret, Bus &bus);

    void start();
    bool usable() const { return client_.usable(); }
    uint64_t generation() const { return client_.generation(); }
    int64_t opened_at() const { return client_.opened_at(); }
    SharedState state() const;

    // See redis::Client.
    rt::Task<Result<codec::Reply>> call(redis::Words words) {
        return client_.call(std::move(words));
    }
    rt::Task<Result<codec::Reply>> run(const redis::Script &script, size_t keys,
                                       redis::Words args) {
        return client_.run(script, keys, std::move(args));
    }

    // prefix= and this.
    std::string key(std::string_view name) const;
    // 128 bits that nobody makes who does not know the secret.
    std::string seal(std::string_view what) const;

  private:
    std::string prefix_;
    HmacKey seal_;
    Bus &bus_;
    redis::Client client_;
    redis::Subscriber subscriber_;
};

} // namespace ks::store
