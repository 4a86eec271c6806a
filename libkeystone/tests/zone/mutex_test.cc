// The robust lock, as processes that die meet it.
#include "zone/mutex.h"

#include "support.h"

#include <new>
#include <sched.h>

using namespace ks;
using namespace ks::test;
using zone::Guard;
using zone::Mutex;

struct Guarded {
    Mutex mutex;
    std::atomic<int> inside;
    std::atomic<int> go;
    long total;
    int repairs;
};

struct Shared {
    Block block{4096};
    Guarded &g = *new (block.at()) Guarded();
    Shared() { g.mutex.init(); }

    auto guard() {
        return Guard(g.mutex, [this] { g.repairs++; });
    }
};

static void survives_its_holder(void **) {
    Shared s;
    for (int round = 1; round <= 3; round++) {
        // Twice forked, as nginx's workers are from a daemon's point of view.
        pid_t pid = child([&] {
            pid_t inner = fork();
            if (inner == 0) {
                auto held = s.guard();
                raise(SIGKILL);
            }
            int status;
            return waitpid(inner, &status, 0) == inner && WIFSIGNALED(status)
                       ? 0
                       : 1;
        });
        assert_int_equal(ended(pid), 0);
        {
            auto held = s.guard();
            assert_int_equal(s.g.repairs, round);
        }
        auto again = s.guard(); // repaired once, not for ever
        assert_int_equal(s.g.repairs, round);
    }
}

static void a_repairer_that_dies_is_followed(void **) {
    Shared s;
    for (int i = 0; i < 2; i++) {
        pid_t pid = child([&] {
            Guard held(s.g.mutex, [] { raise(SIGKILL); });
            return raise(SIGKILL);
        });
        assert_int_equal(ended(pid), -SIGKILL);
    }
    auto held = s.guard();
    assert_int_equal(s.g.repairs, 1);
}

static void keeps_others_out(void **) {
    Shared s;
    constexpr int kChildren = 4;
    constexpr int kRounds = 20000;
    pid_t pids[kChildren];
    for (pid_t &pid : pids) {
        pid = child([&] {
            for (int i = 0; i < kRounds; i++) {
                auto held = s.guard();
                if (s.g.inside.fetch_add(1) != 0) {
                    return 1;
                }
                s.g.total++;
                s.g.inside.fetch_sub(1);
            }
            return 0;
        });
    }
    for (pid_t pid : pids) {
        assert_int_equal(ended(pid), 0);
    }
    assert_int_equal(s.g.total, kChildren * kRounds);
    assert_int_equal(s.g.repairs, 0);
}

static void a_waiter_is_woken_by_death(void **) {
    Shared s;
    pid_t holder = child([&] {
        auto held = s.guard();
        s.g.go = 1;
        for (;;) {
            pause();
        }
        return 0;
    });
    while (s.g.go == 0) {
        sched_yield();
    }
    assert_true(s.g.mutex.try_lock() == Mutex::Took::no);
    pid_t waiter = child([&] {
        s.g.go = 2;
        auto held = s.guard();
        return s.g.repairs == 1 ? 0 : 1;
    });
    while (s.g.go != 2) {
        sched_yield();
    }
    kill(holder, SIGKILL);
    assert_int_equal(ended(holder), -SIGKILL);
    assert_int_equal(ended(waiter), 0);
}

static void a_second_lock_by_the_holder_aborts(void **) {
    Shared s;
    pid_t pid = child([&] {
        auto held = s.guard();
        auto twice = s.guard();
        return 0;
    });
    assert_int_equal(ended(pid), -SIGABRT);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(survives_its_holder),
        cmocka_unit_test(a_repairer_that_dies_is_followed),
        cmocka_unit_test(keeps_others_out),
        cmocka_unit_test(a_waiter_is_woken_by_death),
        cmocka_unit_test(a_second_lock_by_the_holder_aborts),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
