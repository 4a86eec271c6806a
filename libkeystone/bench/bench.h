// The smallest benchmark: the best of some rounds, in nanoseconds a call, and
// a limit that fails the program.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace ks::bench {

// Keeps the compiler from dropping what made the value.
template <class T> inline void keep(const T &value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

inline int missed = 0;

template <class Fn>
double measure(const char *what, double limit_ns, Fn fn, int calls = 20000,
               int rounds = 15) {
    double best = 1e18;
    for (int round = 0; round < rounds; round++) {
        auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; i++) {
            fn(i);
        }
        std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - start;
        best = std::min(best, took.count() / calls);
    }
    bool ok = limit_ns <= 0 || best <= limit_ns;
    missed += ok ? 0 : 1;
    if (limit_ns > 0) {
        std::printf("%-52s %9.1f ns, at most %.0f  %s\n", what, best, limit_ns,
                    ok ? "pass" : "FAIL");
    } else {
        std::printf("%-52s %9.1f ns\n", what, best);
    }
    return best;
}

} // namespace ks::bench
