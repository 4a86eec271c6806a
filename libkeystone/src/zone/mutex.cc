#include "zone/mutex.h"

#include <cerrno>
#include <cstdlib>

namespace ks::zone {

namespace {

// Sections last some hundred nanoseconds: sleeping in the kernel costs more
// than looking again.  Not for long: the holder may not be running at all.
constexpr int kSpins = 40;

inline void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace

void Mutex::init() {
    pthread_mutexattr_t attr;
    // Error checking costs nothing measurable and turns a second lock by the
    // holder, a mistake in the order of locks, from a hang into an abort.
    if (pthread_mutexattr_init(&attr) != 0 ||
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) != 0 ||
        pthread_mutex_init(&mutex_, &attr) != 0) {
        std::abort();
    }
    pthread_mutexattr_destroy(&attr);
}

Mutex::Took Mutex::try_lock() {
    switch (pthread_mutex_trylock(&mutex_)) {
    case 0:
        return Took::clean;
    case EOWNERDEAD:
        return Took::after_death;
    case EBUSY:
    case EDEADLK: // by this very thread
        return Took::no;
    default:
        std::abort();
    }
}

bool Mutex::lock() {
    for (int i = 0; i < kSpins; i++) {
        Took took = try_lock();
        if (took != Took::no) {
            return took == Took::after_death;
        }
        pause_cpu();
    }
    switch (pthread_mutex_lock(&mutex_)) {
    case 0:
        return false;
    case EOWNERDEAD:
        return true;
    default:
        std::abort();
    }
}

void Mutex::consistent() { pthread_mutex_consistent(&mutex_); }

void Mutex::unlock() { pthread_mutex_unlock(&mutex_); }

} // namespace ks::zone
