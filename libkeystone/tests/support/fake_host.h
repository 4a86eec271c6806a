// A host under the test's hand: time moves when told to, threads run when told
// to, the random generator counts.  Nothing happens by itself.
#pragma once

#include "rt/host.h"
#include "rt/loop.h"

#include <deque>
#include <string>
#include <vector>

namespace ks::test {

class CountingEntropy : public Entropy {
  public:
    void fill(std::span<uint8_t> out) override {
        uint64_t n = ++count_ * 0x9e3779b97f4a7c15ULL; // spread, not random
        for (size_t i = 0; i < out.size(); i++) {
            out[i] = static_cast<uint8_t>(n >> (i % 8 * 8)) ^
                     static_cast<uint8_t>(i / 8 * 0x5b + count_);
        }
    }

  private:
    uint64_t count_ = 0;
};

class FakeHost : public rt::Host {
  public:
    struct Watch {
        int fd;
        unsigned interest;
        rt::FdSink *sink;
    };

    Millis now() override { return now_; }
    WallMs wall() override { return kEpoch + now_; }
    void log(rt::LogLevel level, std::string_view text) override {
        lines.push_back({level, std::string(text)});
    }
    void alarm(bool holds, Millis at) override { alarms[holds ? 0 : 1] = at; }
    void post() override { posted = true; }
    void *fd_watch(int fd, unsigned interest, rt::FdSink *sink) override {
        watches.push_back(new Watch{fd, interest, sink});
        return watches.back();
    }
    void fd_update(void *watch, unsigned interest) override {
        static_cast<Watch *>(watch)->interest = interest;
    }
    void fd_unwatch(void *watch) override {
        std::erase(watches, static_cast<Watch *>(watch));
        delete static_cast<Watch *>(watch);
    }
    bool offload(rt::Pool pool, rt::Job *job) override {
        if (jobs.size() >= max_jobs) {
            return false;
        }
        pools.push_back(pool);
        jobs.push_back(job);
        return true;
    }
    Entropy &entropy() override { return entropy_; }

    // Runs what is posted, and every job, until nothing moves at this time.
    void settle(rt::Loop &loop) {
        do {
            posted = false;
            loop.run();
            while (!jobs.empty()) {
                rt::Job *job = jobs.front();
                jobs.pop_front();
                job->run();
                job->done();
            }
        } while (posted || !jobs.empty());
    }

    // Moves time forward, stopping at every alarm on the way.
    void advance(rt::Loop &loop, Millis by) {
        Millis until = now_ + by;
        for (;;) {
            Millis next = until;
            for (Millis at : alarms) {
                if (at != kNever && at < next) {
                    next = at;
                }
            }
            now_ = std::max(now_, next);
            settle(loop);
            if (now_ >= until) {
                return;
            }
        }
    }

    static constexpr WallMs kEpoch = 1'700'000'000'000;

    struct Line {
        rt::LogLevel level;
        std::string text;
    };
    std::vector<Line> lines;
    Millis alarms[2] = {kNever, kNever}; // [0] holds the worker
    bool posted = false;
    std::vector<Watch *> watches;
    std::deque<rt::Job *> jobs;
    std::vector<rt::Pool> pools; // of all that ever were
    size_t max_jobs = 1024;

  private:
    Millis now_ = 1000;
    CountingEntropy entropy_;
};

} // namespace ks::test
