#include "check_redis.h"

#include "redis/client.h"
#include "rt/loop.h"
#include "rt/poll_host.h"
#include "rt/wait.h"
#include "store/shared.h"

#include <algorithm>

namespace ks::ctl {

namespace {

constexpr Millis kLimit = 2 * kSecond;
// After the first trouble: the next address of the name may do.
constexpr Millis kMore = 300;
constexpr Millis kLook = 10;

// "" when it takes a command that writes, else why not.  The key is none of
// anybody: nothing is changed.
rt::Task<std::string> attempt(redis::Client &client, std::string key) {
    rt::Loop &loop = rt::Loop::current();
    Millis end = loop.now() + kLimit;
    std::string fresh = client.health().trouble;
    client.start();
    bool trouble = false;
    while (!client.usable() && loop.now() < end) {
        if (!trouble && client.health().trouble != fresh) {
            trouble = true;
            end = std::min(end, loop.now() + kMore);
        }
        co_await rt::sleep_for(kLook);
    }
    if (!client.usable()) {
        std::string why = client.health().trouble;
        co_return why == fresh ? "does not answer" : why;
    }
    redis::Words words = {"DEL", std::move(key)};
    auto reply = co_await client.call(std::move(words));
    std::string why = client.health().trouble;
    if (reply) {
        why.clear();
    } else if (why.empty()) {
        why = reply.error().detail;
    }
    co_return why;
}

} // namespace

void check_redis(const std::vector<Directive> &all, const conf::Config &config,
                 Report &report) {
    if (!config.redis.used()) {
        bool named = std::any_of(all.begin(), all.end(), [](const auto &d) {
            return d.block == "keystone" && d.words[0] == "redis";
        });
        if (named) {
            report.note("redis", "its address is empty in the environment of "
                                 "this command: none is used so");
        }
        return;
    }
    rt::PollHost host(rt::LogLevel::emerg); // said by the report
    rt::Loop loop(host);
    redis::Client client(store::redis_options(config.redis, "-check"));
    auto task = attempt(client, config.redis.prefix + "check");
    if (!task.start()) {
        host.run(loop, [&] { return task.done(); });
    }
    std::string why = task.take();
    if (why.empty()) {
        report.good("redis",
                    config.redis.address() + " takes reads and writes");
    } else {
        report.problem("redis", config.redis.address() + ": " + why);
    }
}

} // namespace ks::ctl
