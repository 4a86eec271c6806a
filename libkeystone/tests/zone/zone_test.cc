// The block as a whole: made, adopted, divided; caches, limits, bans, kicks,
// counters, workers.
#include "zone/zone.h"

#include "support.h"

#include <cstring>
#include <sched.h>
#include <sys/resource.h>

using namespace ks;
using namespace ks::test;
using namespace ks::zone;

static bool made_anew(const Block &block, size_t size) {
    Result<Zone::Made> made = Zone::init(block.at(), size, kKey);
    assert_true(made.ok());
    return *made == Zone::Made::anew;
}

static void put_stream(Zone &zone, const Id &id) {
    model::StreamFacts facts;
    facts.id = id;
    facts.exists = true;
    assert_true(zone.streams().put(id, facts, 0, kNever));
}

static bool has_stream(Zone &zone, const Id &id) {
    model::StreamFacts facts;
    return zone.streams().find(id, 0, &facts) && facts.id == id;
}

static void is_made_then_adopted(void **) {
    Block block(8 * kMib);
    assert_null(Zone::at(block.at()));
    assert_null(Zone::at(nullptr));
    assert_true(made_anew(block, block.size()));
    Zone &zone = *Zone::at(block.at());
    put_stream(zone, id("str_", 1));
    assert_false(made_anew(block, block.size()));
    assert_true(has_stream(zone, id("str_", 1)));
    assert_sound(zone.check());
}

static void another_layout_is_made_anew(void **) {
    Block block(8 * kMib);
    assert_true(made_anew(block, block.size()));
    put_stream(*Zone::at(block.at()), id("str_", 1));
    // The word after the magic tells the layout of all records.
    static_cast<uint64_t *>(block.at())[1] ^= 1;
    assert_null(Zone::at(block.at()));
    assert_true(made_anew(block, block.size()));
    Zone &zone = *Zone::at(block.at());
    assert_false(has_stream(zone, id("str_", 1)));
    put_stream(zone, id("str_", 1));
    // Another size is another zone; garbage is none.
    assert_true(made_anew(block, 4 * kMib));
    assert_false(has_stream(*Zone::at(block.at()), id("str_", 1)));
    std::memset(block.at(), 0xa5, block.size());
    assert_true(made_anew(block, block.size()));
    assert_sound(Zone::at(block.at())->check());
    for (const Zone::Usage &u : Zone::at(block.at())->usage()) {
        assert_int_equal(u.used, 0);
    }
}

static void works_mapped_elsewhere(void **) {
    World w;
    put_stream(w.zone, id("str_", 1));
    Block other(w.block.size());
    std::memcpy(other.at(), w.block.at(), other.size());
    Zone *zone = Zone::at(other.at());
    assert_non_null(zone);
    assert_true(has_stream(*zone, id("str_", 1)));
    w.zone.streams().clear();
    assert_true(has_stream(*zone, id("str_", 1)));
    assert_sound(zone->check());
}

static void says_what_is_wrong(void **) {
    Block block(2 * kMib);
    Result<Zone::Made> small = Zone::init(block.at(), kMib - 1, kKey);
    assert_false(small.ok());
    assert_text(small.error().detail,
                "zone of 1048575 bytes is too small: give it at least 1m");
    assert_false(
        Zone::init(static_cast<char *>(block.at()) + 8, kMib, kKey).ok());
}

// What lies behind the block is not touched, whatever its size.
static void keeps_to_its_block(void **) {
    for (size_t size : {Zone::kMinSize, 8 * kMib, 32 * kMib}) {
        Block block(size + 4096);
        char *end = static_cast<char *>(block.at()) + size;
        mprotect(end, 4096, PROT_NONE);
        assert_true(made_anew(block, size));
        Zone &zone = *Zone::at(block.at());
        std::string text(kLargeBlob, 'x');
        uint64_t most = 0;
        for (const Zone::Usage &u : zone.usage()) {
            assert_row(u.name, u.capacity >= 4);
            most = std::max<uint64_t>(most, u.capacity);
        }
        Sessions sessions(zone);
        for (uint64_t i = 0; i < most + most / 2; i++) {
            put_stream(zone, id("str_", i));
            model::TokenFacts token;
            Sha256 hash{};
            std::memcpy(hash.data(), &i, sizeof(i));
            zone.tokens().put(hash, token, 0, kNever);
            std::string key = "row/" + std::to_string(i);
            Blobs blobs = zone.blobs();
            blobs.put(blobs.ticket(key), key,
                      std::string_view(text).substr(0, i % 2 ? 100 : 8188), 0,
                      kNever);
            zone.allow("l", key, 0, Rate{});
            zone.ban("", key, 0, 1000);
            zone.feeds().put(id("evs_", i), Feed{}, 0, kNever);
            model::Session s;
            s.id = id("ses_", i);
            s.stream_id = id("str_", i);
            s.action = model::Action::play;
            sessions.open_viewer(s, 0, HashKey{i * 0x9e3779b97f4a7c15}, 1);
        }
        assert_sound(zone.check());
        // Keyed hashing fills the shards evenly: little is wasted.
        for (const Zone::Usage &u : zone.usage()) {
            assert_row(u.name, u.used >= u.capacity * 8 / 10);
            assert_row(u.name, u.used <= u.capacity);
        }
        mprotect(end, 4096, PROT_READ | PROT_WRITE);
    }
}

static void a_fresh_zone_is_thin(void **) {
    long page = sysconf(_SC_PAGESIZE);
    World w(32 * kMib);
    std::vector<unsigned char> in_core(w.block.size() / page);
    // Shared anonymous memory: what was never touched is not in core.
    assert_int_equal(mincore(w.block.at(), w.block.size(), in_core.data()), 0);
    size_t pages = std::count_if(in_core.begin(), in_core.end(),
                                 [](unsigned char c) { return c & 1; });
    assert_true(pages * page < 3 * kMib);
}

static void blobs_in_two_sizes(void **) {
    World w;
    Blobs blobs = w.zone.blobs();
    std::string out = "before";
    std::string large(5000, 'l');
    assert_false(blobs.find("row/1", 0, &out));
    assert_text(out, "before");
    assert_true(blobs.put(blobs.ticket("row/1"), "row/1", "small", 0, 100));
    assert_true(blobs.find("row/1", 0, &out));
    assert_text(out, "small");
    assert_true(blobs.put(blobs.ticket("row/1"), "row/1", large, 0, 100));
    assert_true(blobs.find("row/1", 0, &out));
    assert_text(out, large);
    assert_true(blobs.put(blobs.ticket("row/1"), "row/1", "", 0, 100));
    assert_true(blobs.find("row/1", 0, &out));
    assert_text(out, "");
    assert_false(blobs.find("row/1", 100, &out));

    Blobs::Ticket t = blobs.ticket("row/2");
    blobs.erase("row/2");
    assert_false(blobs.put(t, "row/2", "stale", 0, 100));
    assert_false(blobs.put(t, "row/2", large, 0, 100));
    t = blobs.ticket("row/2");
    assert_true(blobs.put(t, "row/2", std::string(kSmallBlob, 's'), 0, 100));
    assert_true(blobs.put(t, "row/2", std::string(kLargeBlob, 's'), 0, 100));
    assert_false(
        blobs.put(t, "row/2", std::string(kLargeBlob + 1, 's'), 0, 100));
    std::string key(96, 'k');
    assert_false(blobs.put(blobs.ticket(key), key, "text", 0, 100));
    assert_false(blobs.find(key, 0, &out));
    blobs.erase(key);
}

static void rates_let_through_what_they_say(void **) {
    World w;
    Rate rate = per_minute(10, 5);
    int passed = 0;
    Millis now = 1'000'000;
    for (int i = 0; i < 20; i++) {
        passed += w.zone.allow("login", "192.0.2.1", now, rate) == 0;
    }
    assert_int_equal(passed, 6); // the burst, and the one that is due
    Millis wait = w.zone.allow("login", "192.0.2.1", now, rate);
    assert_int_equal(wait, 6000);
    assert_int_equal(w.zone.allow("login", "192.0.2.1", now + wait - 1, rate),
                     1);
    assert_int_equal(w.zone.wait("login", "192.0.2.1", now + wait - 1, rate),
                     1);
    // which counts nothing
    assert_int_equal(w.zone.wait("login", "192.0.2.1", now + wait, rate), 0);
    assert_int_equal(w.zone.allow("login", "192.0.2.1", now + wait, rate), 0);
    assert_true(w.zone.allow("login", "192.0.2.1", now + wait, rate) > 0);
    // Others, and other limits, are not concerned.
    assert_int_equal(w.zone.allow("login", "192.0.2.2", now, rate), 0);
    assert_int_equal(w.zone.allow("register", "192.0.2.1", now, rate), 0);
    // Over an hour: six hundred, and the burst.
    passed = 0;
    for (Millis t = 0; t < kHour; t += 500) {
        passed += w.zone.allow("slow", "a", now + t, rate) == 0;
    }
    assert_in_range(passed, 600, 606);
    // Rates above one a millisecond.
    passed = 0;
    Rate fast = per_second(5000, 10);
    for (Millis t = 0; t < 1000; t++) {
        for (int i = 0; i < 20; i++) {
            passed += w.zone.allow("fast", "a", now + t, fast) == 0;
        }
    }
    assert_in_range(passed, 4990, 5016);
}

static void bans_end_by_themselves(void **) {
    World w;
    assert_int_equal(w.zone.banned("str_a", "tok_a", 0), 0);
    assert_true(w.zone.ban("str_a", "tok_a", 1000, 60'000));
    assert_int_equal(w.zone.banned("str_a", "tok_a", 1000), 60'000);
    assert_int_equal(w.zone.banned("str_a", "tok_a", 60'999), 1);
    assert_int_equal(w.zone.banned("str_a", "tok_a", 61'000), 0);
    w.zone.ban("str_a", "tok_a", 1000, 60'000);
    assert_int_equal(w.zone.banned("str_b", "tok_a", 1000), 0);
    assert_int_equal(w.zone.banned("str_atok_a", "", 1000), 0);
    w.zone.unban("str_a", "tok_a");
    assert_int_equal(w.zone.banned("str_a", "tok_a", 1000), 0);
}

static void the_parts_of_a_hash_stay_apart(void **) {
    World w;
    auto h = [&](auto... parts) { return w.zone.hash(parts...).value; };
    assert_int_equal(h("k", "ab", "c"), h("k", "ab", "c"));
    assert_int_not_equal(h("k", "ab", "c"), h("k", "a", "bc"));
    assert_int_not_equal(h("k", "ab"), h("ka", "b"));
    assert_int_not_equal(h("k", "a", "b"), h("k", "b", "a"));
}

static void invalidation_moves_the_epoch(void **) {
    World w;
    Id stream = id("str_", 1);
    Sha256 hash{};
    put_stream(w.zone, stream);
    w.zone.tokens().put(hash, model::TokenFacts{}, 0, kNever);
    uint64_t epoch = w.zone.epoch();
    Ticket ticket = w.zone.streams().ticket(stream);
    w.zone.invalidate_stream(stream);
    assert_true(w.zone.epoch() > epoch);
    assert_false(has_stream(w.zone, stream));
    assert_false(w.zone.streams().put_if(ticket, stream, {}, 0, kNever));
    epoch = w.zone.epoch();
    w.zone.invalidate_token(hash);
    model::TokenFacts facts;
    assert_true(w.zone.epoch() > epoch);
    assert_false(w.zone.tokens().find(hash, 0, &facts));
    put_stream(w.zone, stream);
    w.zone.invalidate_all();
    assert_false(has_stream(w.zone, stream));
}

static void kicks_reach_every_reader(void **) {
    World w;
    Kicks &kicks = w.zone.kicks();
    uint64_t a = kicks.head(), b = kicks.head();
    Kick out[8];
    assert_int_equal(kicks.read(&a, out).count, 0);
    for (uint64_t i = 0; i < 10; i++) {
        kicks.push(id("ses_", i), model::EndReason::revoked);
    }
    assert_int_equal(kicks.read(&a, out).count, 8);
    assert_true(out[7].session == id("ses_", 7));
    assert_true(out[7].reason == model::EndReason::revoked);
    assert_int_equal(kicks.read(&a, out).count, 2);
    assert_true(out[1].session == id("ses_", 9));
    assert_int_equal(kicks.read(&a, out).count, 0);
    for (uint64_t i = 10; i < Kicks::kLength; i++) {
        kicks.push(id("ses_", i), model::EndReason::kicked);
    }
    Kicks::Read read = kicks.read(&b, out); // just not too late
    assert_false(read.overflow);
    assert_true(out[0].session == id("ses_", 0));
    for (uint64_t i = 0; i < Kicks::kLength; i++) {
        kicks.push(id("ses_", i), model::EndReason::kicked);
    }
    read = kicks.read(&b, out);
    assert_true(read.overflow);
    assert_int_equal(read.count, 0);
    read = kicks.read(&b, out);
    assert_false(read.overflow);
    assert_int_equal(read.count, 0);
}

static void counts_and_times(void **) {
    World w;
    Counters &c = w.zone.counters();
    pid_t pids[4];
    for (pid_t &pid : pids) {
        pid = child([&] {
            for (int i = 0; i < 10000; i++) {
                c.add(Counter::kicks);
                c.decided(model::Protocol::rtmp, model::Action::publish,
                          Code::banned);
                c.timer(Timer::authorize).observe(i % 3 == 0 ? 40 : 700);
            }
            return 0;
        });
    }
    for (pid_t pid : pids) {
        assert_int_equal(ended(pid), 0);
    }
    assert_int_equal(c.get(Counter::kicks), 40000);
    assert_int_equal(c.get(Counter::bans), 0);
    assert_int_equal(c.decisions(model::Protocol::rtmp, model::Action::publish,
                                 Code::banned),
                     40000);
    assert_int_equal(
        c.decisions(model::Protocol::rtmp, model::Action::play, Code::banned),
        0);
    Histogram::Reading r = c.timer(Timer::authorize).read();
    assert_int_equal(r.count, 40000);
    assert_int_equal(r.counts[0], 4 * 3334); // <= 50 us
    assert_int_equal(r.counts[4], 4 * 6666); // 500 us to 1 ms
    assert_int_equal(r.sum_us, 4 * (3334 * 40 + 6666 * 700));
    c.timer(Timer::store).observe(INT64_MAX / 2);
    assert_int_equal(c.timer(Timer::store).read().counts.back(), 1);

    c.answered(Room::api, 204);
    c.answered(Room::api, 99999);
    assert_int_equal(c.answers(Room::api, 200), 1);
    assert_int_equal(c.answers(Room::api, 0), 1);
    c.looked_up(CacheKind::token, Tier::zone, true);
    assert_int_equal(c.look_ups(CacheKind::token, Tier::zone, true), 1);
    assert_int_equal(c.look_ups(CacheKind::token, Tier::zone, false), 0);
    assert_text(name(Counter::stale_fills), "stale_fills");
    assert_text(name(Tier::redis), "redis");
    assert_text(name(Timer::upstream), "upstream");
    assert_text(name(Room::metrics), "metrics");
    assert_text(name(CacheKind::blob), "blob");
    assert_text(help(Counter::kicks), "Sessions asked to end");
}

static void the_dead_are_found_once(void **) {
    World w;
    Workers &workers = w.zone.workers();
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    auto worker = [&](int32_t number) {
        return child([&] {
            workers.enter(number, 50);
            char go = 1;
            if (write(ready[1], &go, 1) != 1) {
                return 1;
            }
            for (;;) {
                pause();
            }
            return 0;
        });
    };
    uint32_t mine = workers.enter(getpid(), 100);
    pid_t first = worker(1001), second = worker(1002);
    char bytes[2];
    for (char &b : bytes) {
        assert_int_equal(read(ready[0], &b, 1), 1);
    }
    assert_int_equal(workers.count(), 3);
    auto nobody = [](Workers::Gone) { assert_true(false); };
    assert_int_equal(workers.reap(nobody), 0);
    assert_false(workers.is_dead(1001));
    kill(first, SIGKILL);
    assert_int_equal(ended(first), -SIGKILL);
    assert_true(workers.is_dead(1001));
    assert_false(workers.is_dead(1002));
    assert_false(workers.is_dead(1003)); // not known is not dead
    // The number was given out again before anybody looked.
    uint32_t again = workers.enter(1001, 7777);
    assert_false(workers.is_dead(1001));
    int32_t found = 0;
    assert_int_equal(workers.reap([&](Workers::Gone gone) {
        found = gone.pid;
        assert_int_equal(gone.before, 7777);
    }),
                     1);
    assert_int_equal(found, 1001);
    assert_int_equal(workers.reap(nobody), 0);
    // Who says goodbye is not reaped.
    workers.leave(again);
    workers.leave(mine);
    assert_int_equal(workers.reap(nobody), 0);
    assert_int_equal(workers.count(), 1);
    kill(second, SIGKILL);
    assert_int_equal(ended(second), -SIGKILL);
    assert_int_equal(workers.reap([](Workers::Gone gone) {
        assert_int_equal(gone.before, INT64_MAX);
    }),
                     1);
    close(ready[0]);
    close(ready[1]);
}

static void there_is_one_leader(void **) {
    World w;
    Workers &workers = w.zone.workers();
    uint32_t a = workers.enter(1, 0), b = workers.enter(2, 0);
    assert_true(workers.lead(a, 1000, 3000));
    assert_false(workers.lead(b, 1000, 3000));
    assert_true(workers.lead(a, 3000, 3000));
    assert_false(workers.lead(b, 5999, 3000));
    assert_true(workers.lead(b, 6000, 3000)); // a hangs
    assert_false(workers.lead(a, 6001, 3000));
    workers.leave(b);
    assert_true(workers.lead(a, 6002, 3000));
    workers.leave(a);
    pid_t pid = child(
        [&] { return workers.lead(workers.enter(3, 0), 7000, 3000) ? 3 : 1; });
    assert_int_equal(ended(pid), 3);
    b = workers.enter(4, 0);
    assert_true(workers.lead(b, 7001, 3000)); // it died: no need to wait
    assert_false(workers.lead(Workers::kNoSlot, 99999, 3000));
}

static void slots_run_out_gently(void **) {
    World w;
    Workers &workers = w.zone.workers();
    for (uint32_t i = 0; i < Workers::kSlots; i++) {
        assert_int_equal(workers.enter(static_cast<int32_t>(i + 1), 0), i);
    }
    assert_int_equal(workers.enter(9999, 0), Workers::kNoSlot);
    workers.leave(Workers::kNoSlot);
    workers.beat(Workers::kNoSlot, 0);
    workers.leave(17);
    assert_int_equal(workers.enter(9999, 0), 17);
    for (uint32_t i = 0; i < Workers::kSlots; i++) {
        workers.leave(i);
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(is_made_then_adopted),
        cmocka_unit_test(another_layout_is_made_anew),
        cmocka_unit_test(works_mapped_elsewhere),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(keeps_to_its_block),
        cmocka_unit_test(a_fresh_zone_is_thin),
        cmocka_unit_test(blobs_in_two_sizes),
        cmocka_unit_test(rates_let_through_what_they_say),
        cmocka_unit_test(bans_end_by_themselves),
        cmocka_unit_test(the_parts_of_a_hash_stay_apart),
        cmocka_unit_test(invalidation_moves_the_epoch),
        cmocka_unit_test(kicks_reach_every_reader),
        cmocka_unit_test(counts_and_times),
        cmocka_unit_test(the_dead_are_found_once),
        cmocka_unit_test(there_is_one_leader),
        cmocka_unit_test(slots_run_out_gently),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
