// What the core borrows from whoever runs its loop: nginx (abi/c_host.h), the
// poll loop of keystonectl (poll_host.h), or a test with a clock of its own.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <string_view>

namespace ks::rt {

enum class LogLevel : uint8_t {
    emerg = 1,
    alert,
    crit,
    err,
    warn,
    notice,
    info,
    debug
};

// Argon2id must not keep SQLite waiting, nor a sick name server either of them,
// so each has threads of its own.
enum class Pool : uint8_t { hash = 0, store = 1, names = 2 };

constexpr unsigned kRead = 1;
constexpr unsigned kWrite = 2;

// Told when a descriptor is ready (level semantics).
class FdSink {
  public:
    virtual ~FdSink() = default;
    virtual void on_fd(unsigned ready) = 0;
};

// Blocking work.  run() on a thread: it sees nothing but the job's own
// members.  done() on the loop afterwards, exactly once; or, when the loop is
// gone by then, destroyed without it.
class Job {
  public:
    virtual ~Job() = default;
    virtual void run() noexcept = 0;
    virtual void done() noexcept = 0;
};

class Host {
  public:
    virtual ~Host() = default;

    virtual Millis now() = 0;  // monotonic, may be cached per loop turn
    virtual WallMs wall() = 0; // Unix time
    virtual void log(LogLevel level, std::string_view text) = 0;

    // Call Loop::run() at `at`, or not (kNever).  Two alarms: only the one
    // that holds the worker keeps a draining process alive.
    virtual void alarm(bool holds_worker, Millis at) = 0;
    // Call Loop::run() soon, not from inside this call.
    virtual void post() = 0;

    // Null when the host has no room for another descriptor.
    virtual void *fd_watch(int fd, unsigned interest, FdSink *sink) = 0;
    virtual void fd_update(void *watch, unsigned interest) = 0;
    virtual void fd_unwatch(void *watch) = 0;

    // False when the pool's queue is full: the job was not taken.
    virtual bool offload(Pool pool, Job *job) = 0;

    virtual Entropy &entropy() = 0;
};

} // namespace ks::rt
