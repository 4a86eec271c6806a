#include "store/bus.h"

#include "../support/test.h"

using namespace ks;
using store::Bus;

namespace {

struct Two {
    Bus a, b;
    std::vector<std::string> heard;

    Two() {
        a.use(Id("wrk_a"), [&](std::string text) {
            a.heard(text);
            b.heard(text);
        });
        b.use(Id("wrk_b"), [&](std::string text) { a.heard(text); });
        for (Bus *bus : {&a, &b}) {
            bus->set_up(true);
            bus->on("word", [&](std::string_view p) { heard.emplace_back(p); });
        }
    }
};

} // namespace

static void others_hear_it(void **) {
    Two two;
    two.a.publish("word", "one two\n\xff");
    two.a.publish("word", "");
    two.a.publish("nobody-listens", "x");
    assert_int_equal(two.heard.size(), 2);
    assert_text(two.heard[0], "one two\n\xff");
    assert_text(two.heard[1], "");
}

static void what_is_foreign_is_dropped(void **) {
    Two two;
    std::string big(Bus::kMaxPayload + 1, 'x');
    for (std::string_view text :
         {"", "1", "1 ", "1 wrk_c", "1 wrk_c word", "2 wrk_c word x",
          "1  word x", "11 wrk_c word x", "word x"}) {
        two.b.heard(text);
    }
    two.b.heard("1 wrk_c word " + big);
    two.a.publish("word", big);
    assert_int_equal(two.heard.size(), 0);
    two.b.heard("1 wrk_c word x");
    assert_int_equal(two.heard.size(), 1);
}

static void a_gap_is_told(void **) {
    Two two;
    int gaps = 0;
    two.b.gap = [&] { gaps++; };
    two.b.set_up(true); // as it was
    assert_int_equal(gaps, 0);
    two.b.set_up(false);
    two.b.publish("word", "lost");
    assert_int_equal(two.heard.size(), 0);
    two.b.set_up(true);
    assert_int_equal(gaps, 1);
}

static void without_redis_nothing_happens(void **) {
    Bus bus;
    assert_false(bus.up());
    bus.publish("word", "x");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(others_hear_it),
        cmocka_unit_test(what_is_foreign_is_dropped),
        cmocka_unit_test(a_gap_is_told),
        cmocka_unit_test(without_redis_nothing_happens),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
