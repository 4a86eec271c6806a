#include "rt/flight.h"
#include "rt/task.h"
#include "rt/wait.h"

#include "../support/fake_host.h"
#include "../support/test.h"

#include <memory>
#include <stdexcept>

using namespace ks;
using namespace ks::rt;
using ks::test::FakeHost;

namespace {

struct World {
    FakeHost host;
    Loop loop{host};
};

Task<int> number(int n) { co_return n; }

Task<int> after(Millis delay, int n) {
    co_await sleep_for(delay);
    co_return n;
}

Task<int> sum_without_waiting(int count) {
    int sum = 0;
    for (int i = 0; i < count; i++) {
        auto n = co_await number(1);
        sum += n;
    }
    co_return sum;
}

void a_task_that_does_not_wait_ends_in_start(void **) {
    World w;
    // A million completions in one frame: depth must not grow with them.
    Task<int> t = sum_without_waiting(1'000'000);
    assert_true(t.start());
    assert_int_equal(t.take(), 1'000'000);
}

Task<int> chain(int depth) {
    if (depth == 0) {
        co_await sleep_for(10);
        co_return 1;
    }
    auto below = co_await chain(depth - 1);
    co_return below + 1;
}

void a_result_climbs_through_waiting_tasks(void **) {
    World w;
    Task<int> t = chain(1000);
    assert_false(t.start());
    w.host.advance(w.loop, 9);
    assert_false(t.done());
    w.host.advance(w.loop, 1);
    assert_true(t.done());
    assert_int_equal(t.take(), 1001);
}

struct Flag {
    bool *gone;
    explicit Flag(bool *g) : gone(g) {}
    Flag(const Flag &) = delete;
    ~Flag() { *gone = true; }
};

Task<int> holding(std::unique_ptr<Flag> flag, bool *went_on) {
    co_await sleep_for(10);
    *went_on = true;
    co_return flag ? 1 : 0;
}

void destroying_a_task_cancels_what_it_waits_for(void **) {
    World w;
    bool gone = false;
    bool went_on = false;
    {
        auto flag = std::make_unique<Flag>(&gone);
        Task<int> t = holding(std::move(flag), &went_on);
        assert_false(t.start());
        assert_true(w.host.alarms[0] != kNever);
    }
    assert_true(gone);
    assert_int_equal(w.host.alarms[0], kNever);
    w.host.advance(w.loop, 100);
    assert_false(went_on);
}

void destroying_a_task_that_is_ready_to_go_on_is_safe(void **) {
    World w;
    bool gone = false;
    bool went_on = false;
    auto flag = std::make_unique<Flag>(&gone);
    Task<int> first = after(10, 1);
    Task<int> second = holding(std::move(flag), &went_on);
    first.start();
    second.start();

    // The first to end destroys the second, which is in the queue by then.
    struct Killer : Ready {
        Task<int> *victim;
        void fire() override { victim->destroy(); }
    } killer;
    killer.victim = &second;
    first.on_done(&killer);
    w.host.advance(w.loop, 10);
    w.host.settle(w.loop);
    assert_true(gone);
}

Task<int> throwing() {
    co_await sleep_for(1);
    throw std::runtime_error("no luck");
}

Task<int> passing_on() {
    auto n = co_await throwing();
    co_return n;
}

void an_exception_arrives_where_the_result_is_taken(void **) {
    World w;
    Task<int> t = passing_on();
    t.start();
    w.host.advance(w.loop, 1);
    assert_true(t.done());
    bool caught = false;
    try {
        t.take();
    } catch (const std::runtime_error &) {
        caught = true;
    }
    assert_true(caught);
}

Task<Result<int>> slow_result(Millis delay) {
    co_await sleep_for(delay);
    co_return 7;
}

Task<int> limited(Millis delay, Millis limit) {
    auto work = slow_result(delay);
    auto got =
        co_await within(std::move(work), limit, Code::overloaded, "too slow");
    if (!got) {
        co_return -static_cast<int>(got.error().code);
    }
    co_return *got;
}

void within_gives_the_result_or_the_error(void **) {
    World w;
    Task<int> fast = limited(5, 10);
    Task<int> slow = limited(20, 10);
    fast.start();
    slow.start();
    w.host.advance(w.loop, 30);
    assert_int_equal(fast.take(), 7);
    assert_int_equal(slow.take(), -static_cast<int>(Code::overloaded));
    assert_int_equal(w.host.alarms[0], kNever); // nothing is left behind
}

Task<int> hashed(std::string text) {
    auto job = [text = std::move(text)]() mutable {
        return static_cast<int>(text.size());
    };
    auto got = co_await offload(Pool::hash, std::move(job));
    if (!got) {
        co_return -1;
    }
    co_return *got;
}

void offload_runs_on_a_thread_and_comes_back(void **) {
    World w;
    Task<int> t = hashed("a password that is longer than a short string");
    assert_false(t.start());
    assert_int_equal(w.host.jobs.size(), 1);
    assert_true(w.host.alarms[0] != kNever); // holds a draining worker
    w.host.settle(w.loop);
    assert_int_equal(t.take(), 45);
    assert_int_equal(w.host.alarms[0], kNever);
}

void offload_says_when_the_queue_is_full(void **) {
    World w;
    w.host.max_jobs = 0;
    Task<int> t = hashed("x");
    assert_true(t.start());
    assert_int_equal(t.take(), -1);
}

void a_cancelled_offload_still_runs_and_is_dropped(void **) {
    World w;
    {
        Task<int> t = hashed("x");
        t.start();
    }
    assert_int_equal(w.host.jobs.size(), 1);
    w.host.settle(w.loop);
    assert_int_equal(w.host.alarms[0], kNever);
}

// One that throws where nobody takes it stops neither the others nor the loop.
void what_is_thrown_does_not_stop_the_loop(void **) {
    World w;
    struct Bad : Ready {
        void fire() override { throw std::runtime_error("bad"); }
    } bad;
    struct Good : Ready {
        int fired = 0;
        void fire() override { fired++; }
    } good;
    for (int i = 1; i <= 2; i++) {
        w.loop.ready(bad);
        w.loop.ready(good);
        w.host.settle(w.loop);
        assert_int_equal(good.fired, i);
    }
    assert_text(w.host.lines.at(0).text, "bad");
}

struct Loader {
    int loads = 0;
    Flights<int, int> flights;

    Task<Result<int>> load() {
        loads++;
        co_await sleep_for(10);
        co_return loads;
    }
    Task<Result<int>> ask() {
        Flights<int, int>::Load how = [this] { return load(); };
        auto got = co_await flights.join(1, std::move(how));
        co_return got;
    }
};

void one_flight_serves_all_who_ask_meanwhile(void **) {
    World w;
    Loader loader;
    auto leaves = std::make_unique<Task<Result<int>>>(loader.ask());
    Task<Result<int>> a = loader.ask();
    Task<Result<int>> b = loader.ask();
    leaves->start();
    a.start();
    b.start();
    leaves.reset(); // the first asker goes, the flight goes on
    w.host.advance(w.loop, 10);
    assert_int_equal(*a.take(), 1);
    assert_int_equal(*b.take(), 1);
    assert_int_equal(loader.flights.size(), 0);

    Task<Result<int>> c = loader.ask();
    c.start();
    w.host.advance(w.loop, 10);
    assert_int_equal(*c.take(), 2);
}

Task<void> forever(bool *gone) {
    Flag flag(gone);
    for (;;) {
        co_await sleep_for(100, Hold::none);
    }
}

void the_loop_destroys_what_it_spawned(void **) {
    bool gone = false;
    {
        World w;
        w.loop.spawn(forever(&gone));
        w.host.advance(w.loop, 1000);
        assert_int_equal(w.loop.spawned(), 1);
        assert_int_equal(w.host.alarms[0], kNever); // holds nobody
        assert_true(w.host.alarms[1] != kNever);
    }
    assert_true(gone);
}

void many_timers_fire_in_order(void **) {
    World w;
    std::vector<std::unique_ptr<Task<int>>> tasks;
    for (int i = 0; i < 500; i++) {
        Millis delay = (i * 7919) % 500 + 1;
        tasks.push_back(std::make_unique<Task<int>>(after(delay, i)));
        tasks.back()->start();
    }
    for (int i = 0; i < 500; i += 3) {
        tasks[static_cast<size_t>(i)].reset();
    }
    for (Millis t = 1; t <= 500; t++) {
        w.host.advance(w.loop, 1);
        for (int i = 0; i < 500; i++) {
            auto &task = tasks[static_cast<size_t>(i)];
            if (task) {
                assert_int_equal(task->done(), (i * 7919) % 500 + 1 <= t);
            }
        }
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_task_that_does_not_wait_ends_in_start),
        cmocka_unit_test(a_result_climbs_through_waiting_tasks),
        cmocka_unit_test(destroying_a_task_cancels_what_it_waits_for),
        cmocka_unit_test(destroying_a_task_that_is_ready_to_go_on_is_safe),
        cmocka_unit_test(an_exception_arrives_where_the_result_is_taken),
        cmocka_unit_test(within_gives_the_result_or_the_error),
        cmocka_unit_test(offload_runs_on_a_thread_and_comes_back),
        cmocka_unit_test(offload_says_when_the_queue_is_full),
        cmocka_unit_test(a_cancelled_offload_still_runs_and_is_dropped),
        cmocka_unit_test(one_flight_serves_all_who_ask_meanwhile),
        cmocka_unit_test(the_loop_destroys_what_it_spawned),
        cmocka_unit_test(many_timers_fire_in_order),
        cmocka_unit_test(what_is_thrown_does_not_stop_the_loop),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
