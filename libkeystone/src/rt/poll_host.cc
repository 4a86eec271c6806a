#include "rt/poll_host.h"

#include "rt/loop.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

namespace ks::rt {

void SystemEntropy::fill(std::span<uint8_t> out) {
    size_t have = 0;
    while (have < out.size()) {
        ssize_t n = getrandom(out.data() + have, out.size() - have, 0);
        if (n > 0) {
            have += static_cast<size_t>(n);
        } else if (errno != EINTR) {
            std::abort(); // ids and tokens must not be guessable
        }
    }
}

PollHost::PollHost(LogLevel level, int threads)
    : level_(level), event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    for (int i = 0; i < threads; i++) {
        threads_.emplace_back([this] { thread_main(); });
    }
}

PollHost::~PollHost() {
    {
        std::lock_guard guard(lock_);
        stop_ = true;
    }
    wake_.notify_all();
    for (std::thread &t : threads_) {
        t.join();
    }
    for (Job *job : finished_) {
        delete job; // the loop that waited for it is gone
    }
    close(event_fd_);
}

void PollHost::thread_main() {
    for (;;) {
        Job *job;
        {
            std::unique_lock guard(lock_);
            wake_.wait(guard, [this] { return stop_ || !todo_.empty(); });
            if (todo_.empty()) {
                return;
            }
            job = todo_.front();
            todo_.pop_front();
        }
        job->run();
        std::lock_guard guard(lock_);
        finished_.push_back(job);
        uint64_t one = 1;
        [[maybe_unused]] ssize_t n = write(event_fd_, &one, sizeof(one));
    }
}

bool PollHost::offload(Pool, Job *job) {
    {
        std::lock_guard guard(lock_);
        if (todo_.size() >= kMaxQueue) {
            return false;
        }
        todo_.push_back(job);
    }
    wake_.notify_one();
    return true;
}

void PollHost::finish_jobs() {
    std::deque<Job *> jobs;
    {
        std::lock_guard guard(lock_);
        jobs.swap(finished_);
        uint64_t count;
        [[maybe_unused]] ssize_t n = read(event_fd_, &count, sizeof(count));
    }
    for (Job *job : jobs) {
        job->done();
    }
}

void PollHost::run(Loop &loop, const std::function<bool()> &until) {
    loop.run();
    while (!until()) {
        turn();
        loop.run();
    }
}

void PollHost::turn() {
    Millis next = kNever;
    for (Millis at : alarm_) {
        if (at != kNever && (next == kNever || at < next)) {
            next = at;
        }
    }
    int timeout = -1;
    if (posted_) {
        timeout = 0;
    } else if (next != kNever) {
        timeout = static_cast<int>(std::clamp<Millis>(next - now(), 0, 60000));
    }
    posted_ = false;

    std::erase(watches_, nullptr); // removed since
    std::vector<pollfd> fds{{event_fd_, POLLIN, 0}};
    size_t count = watches_.size();
    for (Watch *w : watches_) {
        short events = 0;
        if (w->interest & kRead) {
            events |= POLLIN;
        }
        if (w->interest & kWrite) {
            events |= POLLOUT;
        }
        fds.push_back({w->fd, events, 0});
    }
    if (poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR) {
        log(LogLevel::alert, "poll() failed");
        std::abort();
    }
    for (size_t i = 0; i < count; i++) {
        short got = fds[i + 1].revents;
        unsigned ready = 0;
        if (got & (POLLIN | POLLHUP | POLLERR)) {
            ready |= kRead;
        }
        if (got & (POLLOUT | POLLERR)) {
            ready |= kWrite;
        }
        if (ready != 0 && watches_[i] != nullptr) {
            watches_[i]->sink->on_fd(ready);
        }
    }
    finish_jobs();
}

Millis PollHost::now() {
    using namespace std::chrono;
    auto t = steady_clock::now().time_since_epoch();
    return duration_cast<milliseconds>(t).count();
}

WallMs PollHost::wall() {
    using namespace std::chrono;
    auto t = system_clock::now().time_since_epoch();
    return duration_cast<milliseconds>(t).count();
}

void PollHost::log(LogLevel level, std::string_view text) {
    if (level <= level_) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()),
                     text.data());
    }
}

void PollHost::alarm(bool holds_worker, Millis at) {
    alarm_[holds_worker ? 0 : 1] = at;
}

void *PollHost::fd_watch(int fd, unsigned interest, FdSink *sink) {
    watches_.push_back(new Watch{fd, interest, sink});
    return watches_.back();
}

void PollHost::fd_update(void *watch, unsigned interest) {
    static_cast<Watch *>(watch)->interest = interest;
}

void PollHost::fd_unwatch(void *watch) {
    auto *w = static_cast<Watch *>(watch);
    auto at = std::find(watches_.begin(), watches_.end(), w);
    if (at != watches_.end()) {
        *at = nullptr; // turn() may be walking the list
    }
    delete w;
}

} // namespace ks::rt
