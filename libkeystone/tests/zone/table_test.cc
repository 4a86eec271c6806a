// The bounded table, in one process and with one that dies at a chosen place.
#include "zone/table.h"

#include "support.h"

#include <cstdlib>

using namespace ks;
using namespace ks::test;
using namespace ks::zone;

namespace {

// rank < 0: may not be evicted
struct Value {
    int64_t number = 0;
    int rank = 0;
    int64_t same = 0; // as number, or the value is torn
};

bool die_while_copying = false;

void copy_value(Value &to, const Value &from) {
    to.number = from.number;
    if (die_while_copying) {
        raise(SIGKILL);
    }
    to.rank = from.rank;
    to.same = from.same;
}

struct ByRank {
    static int rank(const Value &v, Millis) { return v.rank; }
};

using One = Table<Id, Value, ByRank, 1>;
using Many = Table<Id, Value, ByRank>;

Value value(int64_t n, int rank = 0) { return {n, rank, n}; }

template <class T> struct Made {
    Block block;
    T &table;
    explicit Made(uint32_t slots)
        : block(T::bytes_for(slots)),
          table(*T::format(block.at(), slots, kSip)) {}
};

int64_t number(One &t, uint64_t n, Millis now = 0) {
    Value v;
    return t.find(id("k", n), now, &v) && v.number == v.same ? v.number : -1;
}

} // namespace

static void puts_finds_erases(void **) {
    Made<Many> m(1024);
    Value v;
    assert_false(m.table.find(id("k", 1), 0, &v));
    assert_true(m.table.put(id("k", 1), value(7), 0, kNever));
    assert_true(m.table.find(id("k", 1), 0, &v));
    assert_int_equal(v.number, 7);
    assert_true(m.table.put(id("k", 1), value(8), 0, kNever));
    assert_int_equal(m.table.size(), 1);
    assert_true(m.table.update(id("k", 1), 0, [](Value &x) { x.number++; }));
    assert_true(m.table.find(id("k", 1), 0, &v));
    assert_int_equal(v.number, 9);
    assert_true(m.table.erase(id("k", 1)));
    assert_false(m.table.erase(id("k", 1)));
    assert_false(m.table.update(id("k", 1), 0, [](Value &) {}));
    assert_int_equal(m.table.size(), 0);
    assert_sound(m.table.check());
}

static void agrees_with_a_map(void **) {
    Made<Many> m(4096);
    std::map<uint64_t, int64_t> model;
    Random random(42);
    for (int i = 0; i < 40000; i++) {
        uint64_t k = random.below(600); // no shard is ever full
        Value v;
        switch (random.below(4)) {
        case 0:
            assert_int_equal(m.table.erase(id("k", k)), model.erase(k));
            break;
        case 1: {
            bool there = m.table.find(id("k", k), i, &v);
            assert_int_equal(there, model.count(k));
            assert_true(!there || v.number == model[k]);
            break;
        }
        case 2:
            m.table.upsert(id("k", k), i, [&](Value &x, bool created) {
                assert_int_equal(created, !model.count(k));
                x = value(i);
                return i % 5 == 0 ? Fate::drop : Fate::keep;
            });
            if (i % 5 == 0) {
                model.erase(k);
            } else {
                model[k] = i;
            }
            break;
        default:
            assert_true(m.table.put(id("k", k), value(i), i, kNever));
            model[k] = i;
        }
    }
    assert_sound(m.table.check());
    assert_int_equal(m.table.size(), model.size());
    size_t seen = 0;
    m.table.each(0, [&](const Id &key, const Value &v) {
        seen++;
        uint64_t k = std::strtoull(key.str().c_str() + 1, nullptr, 10);
        assert_int_equal(model.at(k), v.number);
    });
    assert_int_equal(seen, model.size());
    m.table.clear();
    assert_int_equal(m.table.size(), 0);
    assert_sound(m.table.check());
}

static void full_evicts_the_least_recently_used(void **) {
    Made<One> m(100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(m.table.put(id("k", i), value(1), 0, kNever));
    }
    // Used again later: no longer the oldest.  A use shortly after the last
    // one is not worth writing down.
    assert_int_equal(number(m.table, 0, 5000), 1);
    assert_int_equal(number(m.table, 1, 10), 1);
    assert_true(m.table.put(id("k", 100), value(1), 5000, kNever));
    assert_true(m.table.put(id("k", 101), value(1), 5000, kNever));
    assert_int_equal(number(m.table, 0), 1);
    assert_int_equal(number(m.table, 1), -1);
    assert_int_equal(number(m.table, 2), -1);
    assert_int_equal(number(m.table, 3), 1);
    assert_int_equal(m.table.evicted(), 2);
    assert_int_equal(m.table.size(), 100);
    m.table.demote(id("k", 100));
    assert_true(m.table.put(id("k", 102), value(1), 5000, kNever));
    assert_int_equal(number(m.table, 100), -1);
    for (uint64_t i = 1000; i < 5000; i++) {
        assert_true(m.table.put(id("k", i), value(1), 5000, kNever));
    }
    assert_int_equal(m.table.size(), 100);
    assert_sound(m.table.check());
}

static void what_must_stay_stays(void **) {
    Made<One> m(200);
    for (uint64_t i = 0; i < 199; i++) {
        assert_true(m.table.put(id("k", i), value(1, kKeep), 0, kNever));
    }
    assert_true(m.table.put(id("k", 199), value(1, 2), 0, kNever));
    assert_true(m.table.put(id("k", 200), value(1, 1), 0, kNever));
    assert_int_equal(number(m.table, 199), -1);
    assert_int_equal(m.table.evicted(2), 1);
    assert_true(m.table.put(id("k", 201), value(1, kKeep), 0, kNever));
    assert_false(m.table.put(id("k", 202), value(1), 0, kNever));
    bool called = false;
    assert_false(m.table.upsert(id("k", 202), 0, [&](Value &, bool) {
        called = true;
        return Fate::keep;
    }));
    assert_false(called);
    for (uint64_t i = 0; i < 199; i++) {
        assert_int_equal(number(m.table, i), 1);
    }
    // Room again as soon as one may go.
    m.table.update(id("k", 17), 0, [](Value &v) { v.rank = 0; });
    assert_true(m.table.put(id("k", 202), value(1), 0, kNever));
    assert_sound(m.table.check());
}

static void the_better_victim_goes(void **) {
    Made<One> m(20);
    for (uint64_t i = 0; i < 20; i++) {
        int rank = i == 13 ? 1 : i == 17 ? 0 : 2;
        m.table.put(id("k", i), value(1, rank), 0, kNever);
    }
    m.table.put(id("k", 20), value(1, 2), 0, kNever);
    m.table.put(id("k", 21), value(1, 2), 0, kNever);
    m.table.put(id("k", 22), value(1, 2), 0, kNever);
    assert_int_equal(number(m.table, 17), -1);
    assert_int_equal(number(m.table, 13), -1);
    assert_int_equal(number(m.table, 0), -1);
    assert_int_equal(number(m.table, 1), 1);
}

static void expires(void **) {
    Made<One> m(4);
    m.table.put(id("k", 1), value(1, kKeep), 1000, 1500);
    assert_int_equal(number(m.table, 1, 1499), 1);
    size_t seen = 0;
    m.table.each(1500, [&](const Id &, const Value &) { seen++; });
    assert_int_equal(seen, 0);
    assert_int_equal(number(m.table, 1, 1500), -1);
    assert_int_equal(m.table.size(), 0);
    // What is over makes room, whatever its rank.
    for (uint64_t i = 0; i < 4; i++) {
        m.table.put(id("k", i), value(1, kKeep), 0, 100 + i);
    }
    assert_false(m.table.put(id("k", 9), value(1), 99, kNever));
    assert_true(m.table.put(id("k", 9), value(1), 101, kNever));
    assert_sound(m.table.check());
}

static void stale_fills_are_refused(void **) {
    Made<One> m(10);
    Id key = id("k", 1);
    Ticket t = m.table.ticket(key);
    assert_true(m.table.put_if(t, key, value(1), 0, kNever));
    // A fill does not spoil others that began before it.
    assert_true(m.table.put_if(t, key, value(2), 0, kNever));
    t = m.table.ticket(key);
    m.table.erase(key);
    assert_false(m.table.put_if(t, key, value(3), 0, kNever));
    t = m.table.ticket(key);
    m.table.erase(key); // not there: what was read is old all the same
    assert_false(m.table.put_if(t, key, value(3), 0, kNever));
    t = m.table.ticket(key);
    m.table.put(key, value(4), 0, kNever);
    assert_false(m.table.put_if(t, key, value(3), 0, kNever));
    t = m.table.ticket(key);
    m.table.update(key, 0, [](Value &v) { v = value(5); });
    assert_false(m.table.put_if(t, key, value(3), 0, kNever));
    assert_int_equal(number(m.table, 1), 5);
    t = m.table.ticket(key);
    m.table.clear();
    assert_false(m.table.put_if(t, key, value(3), 0, kNever));
}

static void death_in_a_change_undoes_it(void **) {
    Made<One> m(10);
    for (uint64_t i = 0; i < 5; i++) {
        m.table.put(id("k", i), value(10), 0, kNever);
    }
    pid_t pid = child([&] {
        m.table.update(id("k", 3), 0, [](Value &v) {
            v.number = 666;
            raise(SIGKILL);
        });
        return 0;
    });
    assert_int_equal(ended(pid), -SIGKILL);
    assert_sound(m.table.check());
    assert_int_equal(m.table.repairs(), 1);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(number(m.table, i), 10);
    }
    // Dead in a second change of the same, after one that went well.
    pid = child([&] {
        m.table.update(id("k", 3), 0, [](Value &v) { v = value(11); });
        m.table.upsert(id("k", 3), 0, [](Value &v, bool) {
            v.number = 666;
            raise(SIGKILL);
            return Fate::drop;
        });
        return 0;
    });
    assert_int_equal(ended(pid), -SIGKILL);
    assert_int_equal(number(m.table, 3), 11);
}

static void death_in_an_addition_drops_it(void **) {
    Made<One> m(10);
    m.table.put(id("k", 1), value(10), 0, kNever);
    pid_t pid = child([&] {
        die_while_copying = true;
        m.table.put(id("k", 2), value(20), 0, kNever);
        return 0;
    });
    assert_int_equal(ended(pid), -SIGKILL);
    pid = child([&] {
        m.table.upsert(id("k", 3), 0, [](Value &, bool) {
            raise(SIGKILL);
            return Fate::keep;
        });
        return 0;
    });
    assert_int_equal(ended(pid), -SIGKILL);
    Ticket before = m.table.ticket(id("k", 1));
    assert_int_equal(m.table.size(), 1); // repairs
    assert_int_equal(number(m.table, 1), 10);
    assert_int_equal(number(m.table, 2), -1);
    assert_int_equal(number(m.table, 3), -1);
    // The dead may have been about to erase: fills under way start anew.
    assert_false(m.table.put_if(before, id("k", 4), value(1), 0, kNever));
    // Overwriting an entry that can be read again loses it at worst.
    pid = child([&] {
        die_while_copying = true;
        m.table.put(id("k", 1), value(11), 0, kNever);
        return 0;
    });
    assert_int_equal(ended(pid), -SIGKILL);
    assert_int_equal(number(m.table, 1), -1);
    // No slot was lost.
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(m.table.put(id("k", i), value(1, kKeep), 0, kNever));
    }
    assert_false(m.table.put(id("k", 10), value(1), 0, kNever));
    assert_sound(m.table.check());
}

static void repair_keeps_what_is_in_use(void **) {
    Made<One> m(10);
    for (uint64_t i = 0; i < 10; i++) {
        Millis age = i % 2 == 0 ? 0 : 10 * kMinute;
        m.table.put(id("k", i), value(1), 1'000'000 - age, kNever);
    }
    pid_t pid = child([&] {
        return m.table.peek(id("k", 1), 0,
                            [](const Value &) { raise(SIGKILL); });
    });
    assert_int_equal(ended(pid), -SIGKILL);
    for (uint64_t i = 10; i < 15; i++) {
        m.table.put(id("k", i), value(1), 1'000'000, kNever);
    }
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(number(m.table, i), i % 2 == 0 ? 1 : -1);
    }
}

static void sizes_are_kept_to(void **) {
    for (size_t bytes : {size_t{64} << 10, kMib, 5 * kMib + 7}) {
        uint32_t slots = Many::slots_for(bytes);
        assert_true(slots > 0);
        assert_true(Many::bytes_for(slots) <= bytes);
        assert_true(Many::bytes_for(slots + Many::shards()) > bytes);
    }
    assert_int_equal(Many::slots_for(100), 0);
}

static void the_hash_depends_on_the_key(void **) {
    Block a(Many::bytes_for(64)), b(Many::bytes_for(64));
    Many &one = *Many::format(a.at(), 64, SipKey{1, 2});
    Many &two = *Many::format(b.at(), 64, SipKey{1, 3});
    int differ = 0;
    for (uint64_t i = 0; i < 64; i++) {
        differ += one.shard_of(id("k", i)) != two.shard_of(id("k", i));
    }
    assert_true(differ > 32);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(puts_finds_erases),
        cmocka_unit_test(agrees_with_a_map),
        cmocka_unit_test(full_evicts_the_least_recently_used),
        cmocka_unit_test(what_must_stay_stays),
        cmocka_unit_test(the_better_victim_goes),
        cmocka_unit_test(expires),
        cmocka_unit_test(stale_fills_are_refused),
        cmocka_unit_test(death_in_a_change_undoes_it),
        cmocka_unit_test(death_in_an_addition_drops_it),
        cmocka_unit_test(repair_keeps_what_is_in_use),
        cmocka_unit_test(sizes_are_kept_to),
        cmocka_unit_test(the_hash_depends_on_the_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
