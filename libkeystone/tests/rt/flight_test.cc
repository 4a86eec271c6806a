// Who shares a flight, and who starts the next one.
#include "rt/flight.h"
#include "rt/wait.h"

#include "../support/fake_host.h"
#include "../support/test.h"

using namespace ks;
using namespace ks::rt;
using ks::test::FakeHost;

namespace {

struct World {
    FakeHost host;
    Loop loop{host};
    Flights<int, int> flights;
    int value = 1;
    int loads = 0;

    ~World() { loop.cancel_spawned(); }

    // What was there when it began, as a database would have it.
    Task<Result<int>> load() {
        int got = value;
        loads++;
        co_await sleep_for(10);
        co_return got;
    }
    Task<Result<int>> ask(uint64_t stamp) {
        Flights<int, int>::Load how = [this] { return load(); };
        auto got = co_await flights.join(1, std::move(how), stamp);
        co_return got;
    }
};

void who_asks_after_a_write_does_not_join(void **) {
    World w;
    auto before = w.ask(1);
    before.start();
    w.host.advance(w.loop, 5);
    w.value = 2;
    auto after = w.ask(2);
    after.start();
    auto beside = w.ask(2);
    beside.start();
    assert_int_equal(w.loads, 2);
    w.host.advance(w.loop, 5);
    assert_true(before.done());
    assert_int_equal(*before.take(), 1);
    assert_false(after.done());
    // The old one's end does not end the new one.
    auto late = w.ask(2);
    late.start();
    assert_int_equal(w.loads, 2);
    w.host.advance(w.loop, 5);
    assert_true(after.done() && beside.done() && late.done());
    assert_int_equal(*after.take(), 2);
    assert_int_equal(*beside.take(), 2);
    assert_int_equal(*late.take(), 2);
    assert_int_equal(w.flights.size(), 0);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_after_a_write_does_not_join),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
