// A host for programs that have no event loop: poll(2), real threads, the
// system's clocks.  keystonectl and the tests run on it.
#pragma once

#include "rt/host.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ks::rt {

class Loop;

class SystemEntropy : public Entropy {
  public:
    void fill(std::span<uint8_t> out) override; // getrandom(2)
};

class PollHost : public Host {
  public:
    // Lines of `level` and worse go to stderr.
    explicit PollHost(LogLevel level = LogLevel::warn, int threads = 2);
    ~PollHost() override;

    // Turns the loop until `until()` says true.
    void run(Loop &loop, const std::function<bool()> &until);

    Millis now() override;
    WallMs wall() override;
    void log(LogLevel level, std::string_view text) override;
    void alarm(bool holds_worker, Millis at) override;
    void post() override { posted_ = true; }
    void *fd_watch(int fd, unsigned interest, FdSink *sink) override;
    void fd_update(void *watch, unsigned interest) override;
    void fd_unwatch(void *watch) override;
    bool offload(Pool pool, Job *job) override;
    Entropy &entropy() override { return entropy_; }

  private:
    static constexpr size_t kMaxQueue = 1024;
    struct Watch {
        int fd;
        unsigned interest;
        FdSink *sink;
    };

    void thread_main();
    void finish_jobs();
    void turn();

    LogLevel level_;
    SystemEntropy entropy_;
    Millis alarm_[2] = {kNever, kNever};
    bool posted_ = false;
    std::vector<Watch *> watches_; // null: removed during a turn

    std::mutex lock_; // guards the three below
    std::condition_variable wake_;
    std::deque<Job *> todo_;
    std::deque<Job *> finished_;
    bool stop_ = false;
    int event_fd_;
    std::vector<std::thread> threads_;
};

} // namespace ks::rt
