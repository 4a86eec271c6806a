// A block of memory that forked children share, ids, and children.
#pragma once

#include "zone/sessions.h"

#include "../support/test.h"

#include <csignal>
#include <ctime>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ks::test {

class Block {
  public:
    explicit Block(size_t size) : size_(size) {
        at_ = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(at_, MAP_FAILED);
    }
    ~Block() { munmap(at_, size_); }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;

    void *at() const { return at_; }
    size_t size() const { return size_; }

  private:
    void *at_;
    size_t size_;
};

constexpr uint8_t kKey[16] = {1, 2,  3,  4,  5,  6,  7, 8,
                              9, 10, 11, 12, 13, 14, 15};
constexpr SipKey kSip{0x0706050403020100, 0x0f0e0d0c0b0a0908};
constexpr size_t kMib = size_t{1} << 20;

inline zone::Zone &zone_in(const Block &block) {
    Result<zone::Zone::Made> made =
        zone::Zone::init(block.at(), block.size(), kKey);
    assert_true(made.ok());
    return *zone::Zone::at(block.at());
}

struct World {
    explicit World(size_t size = 8 * kMib) : block(size) {}
    Block block;
    zone::Zone &zone = zone_in(block);
    zone::Sessions sessions{zone};
};

inline Id id(std::string_view prefix, uint64_t n) {
    return Id(std::string(prefix) + std::to_string(n));
}

inline void assert_sound(const Result<void> &result) {
    if (!result) {
        print_error("%s\n", result.error().detail.c_str());
        assert_true(result.ok());
    }
}

inline Millis monotonic() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

// Runs fn in a child, which must not use assertions: its result is its status.
template <class Fn> pid_t child(Fn fn) {
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        // CMocka would report a crash as a failed test, twice.
        for (int sig : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
            signal(sig, SIG_DFL);
        }
        _exit(fn());
    }
    return pid;
}

// Its exit status; minus the signal if one ended it.
inline int ended(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Random {
    uint64_t state;
    explicit Random(uint64_t seed) : state(seed * 2 + 1) {}
    uint64_t next() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state * 0x2545f4914f6cdd1d >> 16;
    }
    uint64_t below(uint64_t n) { return next() % n; }
};

} // namespace ks::test
