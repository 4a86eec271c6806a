// Many processes on one zone, some of them killed at any moment.
#include "zone/sessions.h"

#include "support.h"

#include <sched.h>

using namespace ks;
using namespace ks::test;
using namespace ks::zone;
using model::Action;
using model::EndReason;
using model::Protocol;
using model::Session;
using Open = Sessions::Open;

namespace {

constexpr int kChildren = 4;
constexpr uint64_t kStreams = 12;

Session some_session(Random &random, uint64_t n, Action action, WallMs now) {
    Session s;
    s.id = id("ses_", n);
    s.stream_id = id("str_", random.below(kStreams));
    s.token_id = id("tok_", random.below(40));
    s.action = action;
    s.protocol = Protocol::rtmp;
    s.started_at = now;
    s.seen_at = now;
    s.owner_pid = getpid();
    return s;
}

void cache_step(Zone &zone, Random &random, Millis now) {
    model::StreamFacts facts;
    Id key = id("str_", random.below(5000));
    Ticket ticket = zone.streams().ticket(key);
    if (!zone.streams().find(key, now, &facts)) {
        facts.id = key;
        facts.allowed_origins.assign(key.view());
        zone.streams().put_if(ticket, key, facts, now, now + 50);
    } else if (!(facts.id == key) || !(facts.allowed_origins == key.view())) {
        abort(); // torn
    }
    if (random.below(20) == 0) {
        zone.invalidate_stream(key);
    }
    std::string name = "row/" + std::to_string(random.below(2000));
    std::string text;
    Blobs blobs = zone.blobs();
    if (!blobs.find(name, now, &text)) {
        text.assign(random.below(3000), static_cast<char>(name.back()));
        blobs.put(blobs.ticket(name), name, text, now, now + 50);
    } else if (text.find_first_not_of(name.back()) != std::string::npos) {
        abort();
    }
    zone.allow("x", name, now, Rate{});
}

// What a worker does, for ever.
int hammer(World &w, uint64_t seed, std::atomic<uint64_t> *steps) {
    Random random(seed);
    Sessions &s = w.sessions;
    w.zone.workers().enter(getpid(), monotonic());
    model::StreamFacts facts;
    facts.reconnect_window_seconds = 1;
    std::vector<Id> mine;
    uint64_t next = seed << 24;
    uint64_t cursor = w.zone.kicks().head();
    Kick kicks[16];
    for (;;) {
        steps->fetch_add(1, std::memory_order_relaxed);
        WallMs now = monotonic();
        cache_step(w.zone, random, now);
        switch (random.below(8)) {
        case 0: {
            Session p = some_session(random, next++, Action::publish, now);
            auto live = s.find_live(p.stream_id, now);
            Id other = live && random.below(2) ? live->publisher : Id();
            if (s.open_publisher(p, facts, other, now).ok()) {
                mine.push_back(p.id);
            }
            break;
        }
        case 1:
        case 2: {
            Session v = some_session(random, next++, Action::play, now);
            HashKey who{random.below(3) == 0 ? random.below(99) + 1 : 0};
            v.protocol = who.value ? Protocol::hls : Protocol::rtmp;
            if (s.open_viewer(v, 30, who, now).ok()) {
                mine.push_back(v.id);
            }
            s.touch_viewer(HashKey{random.below(99) + 1}, 10, now);
            break;
        }
        case 3:
            s.flushed(s.take_dirty(8, now), now);
            w.zone.kicks().read(&cursor, kicks);
            break;
        case 4:
            if (random.below(50) == 0) {
                s.kick_token(id("tok_", random.below(40)), EndReason::revoked,
                             now);
            }
            break;
        default:
            if (mine.empty()) {
                break;
            }
            size_t i = random.below(mine.size());
            s.media(mine[i], 1, 1, now);
            if (mine.size() > 60 || random.below(3) == 0) {
                s.close(mine[i], EndReason::client, now);
                mine[i] = mine.back();
                mine.pop_back();
            }
        }
    }
    return 0;
}

void wait_for(const std::atomic<uint64_t> &steps, uint64_t more) {
    uint64_t until = steps.load() + more;
    Millis late = monotonic() + 30 * kSecond;
    while (steps.load() < until) {
        assert_true(monotonic() < late); // all hang, or have ended
        sched_yield();
    }
}

} // namespace

static void survives_hundreds_of_deaths(void **) {
    World w(Zone::kMinSize); // small, so that it is full and evicts, too
    Block shared(4096);
    auto &steps = *new (shared.at()) std::atomic<uint64_t>(0);
    uint64_t seed = 1;
    auto start = [&] { return child([&] { return hammer(w, seed, &steps); }); };
    pid_t pids[kChildren];
    for (pid_t &pid : pids) {
        pid = start();
        seed++;
    }
    Random random(2026);
    int deaths = 0;
    Sessions::Times times;
    times.connecting = 300;
    times.idle_viewer = 300;
    for (; deaths < 300; deaths++) {
        wait_for(steps, random.below(40));
        // Somewhere inside: a few thousand instructions more or less.
        for (uint64_t spin = random.below(20000); spin > 0; spin--) {
            std::atomic_signal_fence(std::memory_order_seq_cst);
        }
        pid_t &pid = pids[random.below(kChildren)];
        kill(pid, SIGKILL);
        assert_int_equal(ended(pid), -SIGKILL); // not of its own
        if (deaths % 10 == 0) {
            WallMs now = monotonic();
            w.zone.workers().reap(
                [&](Workers::Gone gone) { w.sessions.end_worker(gone, now); });
            w.sessions.sweep(now, times);
            assert_sound(w.zone.check());
        }
        pid = start();
        seed++;
    }
    wait_for(steps, 1000); // those that are left go on
    for (pid_t pid : pids) {
        kill(pid, SIGKILL);
        assert_int_equal(ended(pid), -SIGKILL);
    }
    assert_sound(w.zone.check());
    uint64_t repairs = 0;
    uint64_t evicted = 0;
    for (const Zone::Usage &u : w.zone.usage()) {
        repairs += u.repairs;
        evicted += u.evicted;
    }
    print_message("%d deaths, %lu inside a lock, %lu evictions, %lu steps\n",
                  deaths, repairs, evicted, steps.load());
    assert_true(repairs > 20); // else this test has shown nothing
    assert_true(evicted > 100);

    // All workers are dead: nobody publishes, nobody watches.
    WallMs now = monotonic();
    w.zone.workers().reap(
        [&](Workers::Gone gone) { w.sessions.end_worker(gone, now); });
    w.sessions.sweep(now + kMinute, times);
    w.sessions.sweep(now + 2 * kMinute, times);
    assert_sound(w.sessions.check(now));
    assert_int_equal(w.zone.live().size(), 0);
    assert_int_equal(w.zone.workers().count(), 0);
}

static void exactly_one_of_many_publishers_wins(void **) {
    for (int round = 0; round < 2; round++) {
        World w;
        Block shared(4096);
        auto &go = *new (shared.at()) std::atomic<int>(0);
        constexpr int kMany = 200;
        std::vector<pid_t> pids;
        for (int i = 0; i < kMany; i++) {
            pids.push_back(child([&] {
                Session s;
                s.id = id("ses_", static_cast<uint64_t>(i));
                s.stream_id = id("str_", 1);
                s.action = Action::publish;
                s.protocol = Protocol::rtmp;
                s.owner_pid = getpid();
                while (go == 0) {
                    sched_yield();
                }
                Sessions::Opened o = w.sessions.open_publisher(s, {}, Id(), 1);
                return o.ok() ? 1 : o.what == Open::busy ? 0 : 2;
            }));
        }
        go = 1;
        int won = 0;
        for (pid_t pid : pids) {
            int status = ended(pid);
            assert_in_range(status, 0, 1);
            won += status;
        }
        assert_int_equal(won, 1);
        assert_int_equal(w.zone.sessions().size(), 1);
        assert_sound(w.sessions.check(1));
    }
}

static void counts_are_exact_under_load(void **) {
    World w(32 * kMib);
    pid_t pids[kChildren];
    uint64_t seed = 1;
    for (pid_t &pid : pids) {
        pid = child([&] {
            Random random(seed);
            int left = 0;
            uint64_t n = seed << 32;
            for (int i = 0; i < 400; i++) {
                Session v = some_session(random, n++, Action::play, 1);
                if (!w.sessions.open_viewer(v, 0, 1).ok()) {
                    return 255;
                }
                if (i % 4 != 0) {
                    w.sessions.close(v.id, EndReason::client, 2);
                } else {
                    left++;
                }
            }
            return left;
        });
        seed++;
    }
    int left = 0;
    for (pid_t pid : pids) {
        left += ended(pid);
    }
    assert_int_equal(left, kChildren * 100);
    int counted = 0;
    w.sessions.each_live(
        1, [&](const model::Live &live) { counted += live.viewers; });
    assert_int_equal(counted, left);
    assert_sound(w.sessions.check(1));
    assert_sound(w.zone.check());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(survives_hundreds_of_deaths),
        cmocka_unit_test(exactly_one_of_many_publishers_wins),
        cmocka_unit_test(counts_are_exact_under_load),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
