// Publishers and viewers: opening, ending, time limits, writing behind.
#include "zone/sessions.h"

#include "support.h"

using namespace ks;
using namespace ks::test;
using namespace ks::zone;
using model::Action;
using model::EndReason;
using model::Live;
using model::Protocol;
using model::Session;
using model::SessionState;
using model::Status;
using Open = Sessions::Open;
using Seen = Sessions::Seen;

namespace {

constexpr WallMs kT0 = 1'800'000'000'000;
const Id kStream = id("str_", 1);

Session session(uint64_t n, Action action, Protocol protocol, WallMs now = kT0,
                const Id &stream = kStream) {
    Session s;
    s.id = id("ses_", n);
    s.stream_id = stream;
    s.token_id = id("tok_", n);
    s.action = action;
    s.protocol = protocol;
    s.started_at = now;
    s.seen_at = now;
    s.owner_pid = 77;
    return s;
}

Session publisher(uint64_t n, WallMs now = kT0, const Id &stream = kStream) {
    return session(n, Action::publish, Protocol::rtmp, now, stream);
}

Session viewer(uint64_t n, WallMs now = kT0, const Id &stream = kStream) {
    return session(n, Action::play, Protocol::rtmp, now, stream);
}

model::StreamFacts facts(int32_t window = 30) {
    model::StreamFacts f;
    f.id = kStream;
    f.exists = f.enabled = true;
    f.reconnect_window_seconds = window;
    return f;
}

Status status(World &w, WallMs now) {
    std::optional<Live> live = w.sessions.find_live(kStream, now);
    return model::status_of(true, live ? &*live : nullptr, now);
}

int32_t viewers(World &w, const Id &stream = kStream) {
    std::optional<Live> live = w.sessions.find_live(stream, kT0);
    return live ? live->viewers : 0;
}

std::vector<Kick> kicks(World &w, uint64_t *cursor) {
    Kick out[64];
    Kicks::Read read = w.zone.kicks().read(cursor, out);
    return {out, out + read.count};
}

} // namespace

static void a_stream_goes_live_and_idle(void **) {
    World w;
    Id p = id("ses_", 1);
    assert_true(status(w, kT0) == Status::idle);
    assert_true(
        w.sessions.open_publisher(publisher(1), facts(), Id(), kT0).ok());
    assert_true(status(w, kT0) == Status::connecting);
    assert_true(w.sessions.media(p, 1000, 0, kT0 + 500));
    assert_true(status(w, kT0 + 500) == Status::active);
    assert_true(w.sessions.media(p, 5000, 1, kT0 + 1500));
    std::optional<Session> s = w.sessions.publisher_of(kStream, kT0);
    assert_true(s.has_value());
    assert_true(s->state == SessionState::active);
    assert_int_equal(s->active_at, kT0 + 500);
    assert_int_equal(s->seen_at, kT0 + 1500);
    assert_int_equal(s->bytes_in, 5000);

    Session end;
    assert_true(w.sessions.close(p, EndReason::client, kT0 + 2000, &end));
    assert_int_equal(end.bytes_in, 5000);
    assert_int_equal(end.ended_at, kT0 + 2000);
    assert_true(end.end_reason == EndReason::client);
    assert_true(status(w, kT0 + 2000) == Status::reconnecting);
    assert_true(status(w, kT0 + 32'000) == Status::idle);
    assert_false(w.sessions.publisher_of(kStream, kT0).has_value());
    // Once only, and nothing moves after the end.
    assert_false(w.sessions.close(p, EndReason::kicked, kT0 + 3000));
    assert_false(w.sessions.media(p, 9999, 0, kT0 + 3000));
    assert_true(w.sessions.find(p, kT0)->end_reason == EndReason::client);
    assert_int_equal(w.sessions.find(p, kT0)->bytes_in, 5000);
    assert_false(w.sessions.close(id("ses_", 99), EndReason::client, kT0));
    assert_sound(w.sessions.check(kT0));
}

static void the_window_opens_for_those_who_went(void **) {
    struct Row {
        EndReason reason;
        int32_t window;
        bool waits;
    };
    for (Row row :
         {Row{EndReason::client, 30, true}, Row{EndReason::upstream, 30, true},
          Row{EndReason::timeout, 30, true}, Row{EndReason::client, 0, false},
          Row{EndReason::kicked, 30, false}, Row{EndReason::revoked, 30, false},
          Row{EndReason::expired, 30, false},
          Row{EndReason::disabled, 30, false}}) {
        World w;
        w.sessions.open_publisher(publisher(1), facts(row.window), Id(), kT0);
        w.sessions.media(id("ses_", 1), 1, 0, kT0);
        w.sessions.close(id("ses_", 1), row.reason, kT0 + 10);
        Status now = status(w, kT0 + 10 + 29'999);
        assert_row(name(row.reason),
                   now == (row.waits ? Status::reconnecting : Status::idle));
        assert_true(status(w, kT0 + 10 + 30'000) == Status::idle);
        // Who it was matters while it is waited for.
        std::optional<Live> live = w.sessions.find_live(kStream, kT0);
        assert_row(name(row.reason),
                   live->publisher_token.empty() == !row.waits);
    }
}

static void one_publisher_at_a_time(void **) {
    World w;
    Sessions &s = w.sessions;
    uint64_t cursor = w.zone.kicks().head();
    assert_true(s.open_publisher(publisher(1), facts(), Id(), kT0).ok());
    Sessions::Opened second =
        s.open_publisher(publisher(2), facts(), Id(), kT0);
    assert_true(second.what == Open::busy);
    assert_true(second.other == id("ses_", 1));
    assert_false(s.find(id("ses_", 2), kT0).has_value());
    // It may replace the one it was decided about, no other.
    second = s.open_publisher(publisher(2), facts(), id("ses_", 9), kT0);
    assert_true(second.what == Open::busy);
    second = s.open_publisher(publisher(2), facts(), id("ses_", 1), kT0 + 5);
    assert_true(second.ok());
    assert_true(second.other == id("ses_", 1));
    assert_true(s.publisher_of(kStream, kT0)->id == id("ses_", 2));
    std::optional<Session> first = s.find(id("ses_", 1), kT0);
    assert_true(first->end_reason == EndReason::replaced);
    std::vector<Kick> told = kicks(w, &cursor);
    assert_int_equal(told.size(), 1);
    assert_true(told[0].session == id("ses_", 1));
    assert_true(told[0].reason == EndReason::replaced);
    // When its worker lets go of the first, the second stays live.
    assert_false(s.close(id("ses_", 1), EndReason::client, kT0 + 6));
    assert_true(status(w, kT0 + 6) == Status::connecting);
    assert_sound(s.check(kT0));
}

static void a_return_in_the_window_keeps_the_viewers(void **) {
    World w;
    Sessions &s = w.sessions;
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    for (uint64_t i = 10; i < 15; i++) {
        assert_true(s.open_viewer(viewer(i), 0, kT0).ok());
    }
    s.close(id("ses_", 14), EndReason::client, kT0);
    s.close(id("ses_", 1), EndReason::client, kT0 + 100);
    assert_int_equal(viewers(w), 4);
    assert_true(s.open_publisher(publisher(2), facts(), Id(), kT0 + 200).ok());
    std::optional<Live> live = s.find_live(kStream, kT0);
    assert_int_equal(live->viewers, 4);
    assert_int_equal(live->peak_viewers, 5);
    assert_int_equal(live->window_until, 0);
    s.close(id("ses_", 2), EndReason::kicked, kT0 + 300);
    s.open_publisher(publisher(3), facts(), Id(), kT0 + 400);
    assert_int_equal(s.find_live(kStream, kT0)->peak_viewers, 4);
    assert_sound(s.check(kT0));
}

static void viewers_are_counted_and_limited(void **) {
    World w;
    Sessions &s = w.sessions;
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    for (uint64_t i = 10; i < 13; i++) {
        assert_true(s.open_viewer(viewer(i), 3, kT0).ok());
    }
    assert_true(s.open_viewer(viewer(13), 3, kT0).what == Open::limit);
    assert_int_equal(viewers(w), 3);
    assert_true(s.close(id("ses_", 10), EndReason::client, kT0));
    assert_false(s.close(id("ses_", 10), EndReason::client, kT0));
    assert_int_equal(viewers(w), 2);
    assert_true(s.open_viewer(viewer(13), 3, kT0).ok());
    assert_true(s.open_viewer(viewer(14), 3, kT0).what == Open::limit);
    assert_true(s.open_viewer(viewer(14), 0, kT0).ok());
    assert_int_equal(w.zone.counters().opens(Protocol::rtmp, Action::play), 5);
    assert_int_equal(
        w.zone.counters().closes(Protocol::rtmp, EndReason::client), 1);
    assert_sound(s.check(kT0));
}

static void hls_viewers_live_by_being_seen(void **) {
    World w;
    Sessions &s = w.sessions;
    HashKey a = w.zone.hash("viewer", "str_1", "192.0.2.1", "player");
    HashKey b = w.zone.hash("viewer", "str_1", "192.0.2.2", "player");
    auto hls = [](uint64_t n, WallMs now) {
        Session v = session(n, Action::play, Protocol::hls, now);
        v.owner_pid = 0;
        return v;
    };
    assert_true(s.touch_viewer(a, 0, kT0) == Seen::unknown);
    assert_true(s.open_viewer(hls(1, kT0), 2, a, kT0).ok());
    Sessions::Opened twice = s.open_viewer(hls(2, kT0), 2, a, kT0);
    assert_true(twice.what == Open::present);
    assert_true(twice.other == id("ses_", 1));
    assert_true(s.open_viewer(hls(3, kT0), 2, b, kT0).ok());
    assert_int_equal(viewers(w), 2);
    Id who;
    assert_true(s.touch_viewer(a, 500, kT0 + 100, &who) == Seen::alive);
    assert_true(who == id("ses_", 1));
    assert_true(s.touch_viewer(a, 500, kT0 + 20'000) == Seen::alive);
    assert_int_equal(s.find(who, kT0)->bytes_out, 1000);
    assert_int_equal(s.find(who, kT0)->seen_at, kT0 + 20'000);

    // b was not seen for 30 s; a was.
    assert_int_equal(s.sweep(kT0 + 29'999).ended.size(), 0);
    Sessions::Swept swept = s.sweep(kT0 + 30'000);
    assert_int_equal(swept.ended.size(), 1);
    assert_true(swept.ended[0].id == id("ses_", 3));
    assert_true(swept.ended[0].end_reason == EndReason::timeout);
    assert_int_equal(viewers(w), 1);
    // It comes back as another session.
    assert_true(s.touch_viewer(b, 0, kT0 + 31'000) == Seen::unknown);
    assert_true(s.open_viewer(hls(4, kT0 + 31'000), 2, b, kT0 + 31'000).ok());
    assert_int_equal(viewers(w), 2);

    // Kicked, it is told so for a while; there is nobody else to tell.
    uint64_t cursor = w.zone.kicks().head();
    WallMs t = kT0 + 40'000;
    assert_true(s.request_kick(id("ses_", 4), EndReason::kicked, t));
    assert_int_equal(viewers(w), 1);
    assert_int_equal(kicks(w, &cursor).size(), 0);
    assert_true(s.touch_viewer(b, 0, t) == Seen::kicked);
    assert_true(s.touch_viewer(b, 100, t + 29'999) == Seen::kicked);
    assert_true(s.touch_viewer(b, 0, t + 30'000) == Seen::unknown);
    assert_sound(s.check(kT0));
}

static void kicks_are_marked_and_told(void **) {
    World w;
    Sessions &s = w.sessions;
    uint64_t cursor = w.zone.kicks().head();
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    s.open_viewer(viewer(2), 0, kT0);
    Session other = viewer(3, kT0, id("str_", 2));
    other.owner_pid = 78;
    other.token_id = id("tok_", 2);
    s.open_viewer(other, 0, kT0);
    assert_false(s.request_kick(id("ses_", 9), EndReason::kicked, kT0));
    assert_true(s.request_kick(id("ses_", 1), EndReason::disabled, kT0));
    std::vector<Kick> told = kicks(w, &cursor);
    assert_int_equal(told.size(), 1);
    assert_true(told[0].reason == EndReason::disabled);
    // A wish only: it lives until its worker ends it.
    assert_true(status(w, kT0) == Status::connecting);
    assert_int_equal(s.kick_token(id("tok_", 2), EndReason::revoked, kT0), 2);
    assert_int_equal(s.kick_stream(kStream, EndReason::disabled, kT0), 2);
    assert_int_equal(kicks(w, &cursor).size(), 4);
    assert_int_equal(s.kicks_of(77, kT0).size(), 2);
    std::vector<Kick> mine = s.kicks_of(78, kT0);
    assert_int_equal(mine.size(), 1);
    assert_true(mine[0].session == id("ses_", 3));
    assert_true(mine[0].reason == EndReason::revoked);
    s.close(id("ses_", 1), EndReason::disabled, kT0);
    assert_false(s.request_kick(id("ses_", 1), EndReason::kicked, kT0));
    assert_int_equal(s.kick_stream(kStream, EndReason::disabled, kT0), 1);
}

static void time_limits(void **) {
    World w;
    Sessions &s = w.sessions;
    uint64_t cursor = w.zone.kicks().head();
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    assert_int_equal(s.sweep(kT0 + 29'999).ended.size(), 0);
    Sessions::Swept swept = s.sweep(kT0 + 30'000);
    assert_int_equal(swept.ended.size(), 1);
    assert_int_equal(swept.idle.size(), 0);
    assert_true(status(w, kT0 + 30'000) == Status::reconnecting);
    assert_int_equal(kicks(w, &cursor).size(), 1);
    // The window ends, once.
    assert_int_equal(s.sweep(kT0 + 59'999).idle.size(), 0);
    swept = s.sweep(kT0 + 60'000);
    assert_int_equal(swept.idle.size(), 1);
    assert_true(swept.idle[0] == kStream);
    assert_int_equal(s.sweep(kT0 + 60'001).idle.size(), 0);
    assert_int_equal(w.zone.live().size(), 0);

    // One that sends is left alone; one held by a node may be silent too long.
    Session held = publisher(2);
    held.owner_pid = 0;
    s.open_publisher(held, facts(), Id(), kT0);
    s.media(held.id, 1, 0, kT0);
    assert_int_equal(s.sweep(kT0 + kHour).ended.size(), 0);
    Sessions::Times times;
    times.silent = kMinute;
    assert_int_equal(s.sweep(kT0 + kMinute - 1, times).ended.size(), 0);
    assert_int_equal(s.sweep(kT0 + kMinute, times).ended.size(), 1);
    assert_sound(s.check(kT0));
}

static void viewers_outlive_the_window(void **) {
    World w;
    Sessions &s = w.sessions;
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    s.open_viewer(viewer(2), 0, kT0);
    s.media(id("ses_", 2), 0, 1, kT0);
    s.close(id("ses_", 1), EndReason::client, kT0);
    assert_int_equal(s.sweep(kT0 + 30'000).idle.size(), 1);
    assert_int_equal(viewers(w), 1);
    assert_int_equal(s.sweep(kT0 + 30'001).idle.size(), 0);
    s.close(id("ses_", 2), EndReason::client, kT0);
    s.sweep(kT0 + 30'002);
    assert_int_equal(w.zone.live().size(), 0);
}

static void written_behind_at_least_once(void **) {
    World w;
    Sessions &s = w.sessions;
    assert_int_equal(s.take_dirty(10, kT0).size(), 0);
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    std::vector<Sessions::Dirty> first = s.take_dirty(10, kT0);
    assert_int_equal(first.size(), 1);
    // The write failed: it is there again, as often as it takes.
    assert_int_equal(s.take_dirty(10, kT0).size(), 1);
    // It changed while it was being written: once more.
    s.media(id("ses_", 1), 1, 0, kT0);
    s.flushed(first, kT0);
    std::vector<Sessions::Dirty> second = s.take_dirty(10, kT0);
    assert_int_equal(second.size(), 1);
    assert_true(second[0].session.state == SessionState::active);
    s.flushed(second, kT0);
    s.flushed(first, kT0); // an old answer that came late
    assert_int_equal(s.take_dirty(10, kT0).size(), 0);
    // Mere progress is written now and then only.
    s.media(id("ses_", 1), 2, 0, kT0 + 1000);
    assert_int_equal(s.take_dirty(10, kT0).size(), 0);
    s.media(id("ses_", 1), 3, 0, kT0 + 10'000);
    s.amend(id("ses_", 1), kT0, [](Session &x) {
        x.upstream_resource.assign("/rtc/v1/whip/?session=1");
    });
    second = s.take_dirty(10, kT0);
    assert_int_equal(second.size(), 1);
    assert_int_equal(second[0].session.bytes_in, 3);
    assert_text(second[0].session.upstream_resource.view(),
                "/rtc/v1/whip/?session=1");
    s.flushed(second, kT0);

    for (uint64_t i = 10; i < 310; i++) {
        s.open_viewer(viewer(i), 0, kT0);
    }
    std::map<std::string, int> seen;
    for (int rounds = 0; seen.size() < 300 && rounds < 1000; rounds++) {
        std::vector<Sessions::Dirty> some = s.take_dirty(16, kT0);
        assert_true(some.size() <= 16);
        for (const Sessions::Dirty &d : some) {
            seen[d.session.id.str()]++;
        }
        s.flushed(some, kT0);
    }
    assert_int_equal(seen.size(), 300);
    assert_int_equal(s.take_dirty(1000, kT0).size(), 0);
    assert_int_equal(s.lost(), 0);
}

static void the_ended_are_forgotten_when_written(void **) {
    World w;
    Sessions &s = w.sessions;
    s.open_viewer(viewer(1), 0, kT0);
    s.link(id("ses_", 1), "run", "client", "", kT0);
    s.close(id("ses_", 1), EndReason::client, kT0);
    s.sweep(kT0 + kHour);
    assert_true(s.find(id("ses_", 1), kT0).has_value());
    assert_int_equal(w.zone.viewers().size(), 1);
    s.flushed(s.take_dirty(10, kT0), kT0);
    s.sweep(kT0 + kMinute - 1);
    assert_true(s.find(id("ses_", 1), kT0).has_value());
    s.sweep(kT0 + kMinute);
    assert_false(s.find(id("ses_", 1), kT0).has_value());
    assert_int_equal(w.zone.viewers().size(), 0);
}

static void a_full_zone_evicts_in_order(void **) {
    World w(Zone::kMinSize);
    Sessions &s = w.sessions;
    uint32_t room = w.zone.sessions().capacity();
    // Publishers in about half of it; viewers in the rest and far beyond.
    std::vector<Id> live;
    for (uint64_t i = 0; i < room / 2; i++) {
        Id stream = id("str_", i);
        if (s.open_publisher(publisher(i, kT0, stream), facts(), Id(), kT0)
                .ok()) {
            live.push_back(id("ses_", i));
        }
    }
    assert_true(live.size() > room / 3);
    for (uint64_t i = 10'000; i < 10'000 + 3 * room; i++) {
        Session v = viewer(i, kT0, id("str_", i % live.size()));
        s.open_viewer(v, 0, kT0 + static_cast<WallMs>(i));
    }
    for (const Id &publisher : live) {
        assert_true(s.find(publisher, kT0).has_value());
    }
    assert_true(w.zone.sessions().evicted(SessionPolicy::kViewer) > 0);
    assert_int_equal(s.lost(), 0); // nobody has ended yet
    // Those evicted are still counted, until the sweep.
    assert_false(s.check(kT0).ok());
    Sessions::Times patient;
    patient.connecting = kDay;
    assert_true(s.sweep(kT0 + 1, patient).recounted);
    assert_sound(s.check(kT0));
    assert_false(s.sweep(kT0 + 2, patient).recounted);

    // Ended and written goes before ended, ended before a viewer.
    std::vector<Id> gone;
    s.each(kT0, [&](const Session &x) {
        if (x.action == Action::play && gone.size() < 16) {
            gone.push_back(x.id);
        }
    });
    for (const Id &id : gone) {
        s.close(id, EndReason::client, kT0);
    }
    s.flushed(s.take_dirty(10'000, kT0), kT0);
    uint64_t before = w.zone.sessions().evicted(SessionPolicy::kWritten);
    for (uint64_t i = 90'000; i < 90'400; i++) {
        s.open_viewer(viewer(i), 0, kT0 + kHour);
    }
    assert_int_equal(
        w.zone.sessions().evicted(SessionPolicy::kWritten) - before, 16);
    assert_sound(w.zone.check());
}

static void nothing_left_to_evict_is_said(void **) {
    World w(Zone::kMinSize);
    Sessions &s = w.sessions;
    uint32_t room = w.zone.sessions().capacity();
    uint32_t opened = 0;
    bool full = false;
    for (uint64_t i = 0; i < room * 2; i++) {
        Sessions::Opened o = s.open_publisher(publisher(i, kT0, id("str_", i)),
                                              facts(), Id(), kT0);
        opened += o.ok();
        full |= o.what == Open::full;
    }
    assert_true(full);
    assert_true(opened <= room);
    assert_true(opened >= room * 8 / 10);
    assert_true(w.zone.counters().get(Counter::zone_full) > 0);
    assert_sound(w.zone.check());
    assert_sound(s.check(kT0));
}

static void what_a_dead_worker_held_ends(void **) {
    World w;
    Sessions &s = w.sessions;
    int32_t number = 0;
    pid_t pid = child([&] {
        w.zone.workers().enter(getpid(), kT0);
        for (uint64_t i = 1; i <= 3; i++) {
            Session x = i == 1 ? publisher(1) : viewer(i);
            x.owner_pid = getpid();
            if (!(i == 1 ? s.open_publisher(x, facts(), Id(), kT0)
                         : s.open_viewer(x, 0, kT0))
                     .ok()) {
                return 1;
            }
        }
        return raise(SIGKILL);
    });
    assert_int_equal(ended(pid), -SIGKILL);
    s.open_viewer(viewer(4), 0, kT0);
    assert_int_equal(viewers(w), 3);
    // Its publisher is not in the way of one that comes before the reaping.
    Sessions::Opened next =
        s.open_publisher(publisher(5, kT0 + 9), facts(), Id(), kT0 + 9);
    assert_true(next.ok());
    assert_true(next.other.empty());
    assert_true(s.find(id("ses_", 1), kT0)->end_reason == EndReason::upstream);
    int ended_now = 0;
    w.zone.workers().reap([&](Workers::Gone gone) {
        number = gone.pid;
        ended_now = s.end_worker(gone, kT0 + 10);
    });
    assert_int_equal(number, pid);
    assert_int_equal(ended_now, 2);
    assert_int_equal(viewers(w), 1);
    assert_true(s.publisher_of(kStream, kT0)->id == id("ses_", 5));
    // A worker of the same number that began later keeps what is its own.
    assert_int_equal(s.end_worker(Workers::Gone{77, kT0}, kT0 + 10), 0);
    assert_int_equal(s.end_worker(Workers::Gone{77, kT0 + 1}, kT0 + 10), 1);
    assert_sound(s.check(kT0));
}

// The session has ended and its worker died before the live record knew.
static void half_an_end_is_finished(void **) {
    World w;
    Sessions &s = w.sessions;
    s.open_publisher(publisher(1), facts(), Id(), kT0);
    w.zone.sessions().erase(id("ses_", 1));
    assert_false(s.check(kT0).ok());
    assert_false(s.publisher_of(kStream, kT0).has_value());
    s.sweep(kT0 + 1);
    assert_true(status(w, kT0 + 1) == Status::reconnecting);
    assert_sound(s.check(kT0));
    assert_int_equal(s.sweep(kT0 + 30'001).idle.size(), 1);
    s.open_publisher(publisher(2), facts(), Id(), kT0);
    w.zone.sessions().erase(id("ses_", 2));
    assert_true(s.open_publisher(publisher(3), facts(), Id(), kT0 + 1).ok());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_goes_live_and_idle),
        cmocka_unit_test(the_window_opens_for_those_who_went),
        cmocka_unit_test(one_publisher_at_a_time),
        cmocka_unit_test(a_return_in_the_window_keeps_the_viewers),
        cmocka_unit_test(viewers_are_counted_and_limited),
        cmocka_unit_test(hls_viewers_live_by_being_seen),
        cmocka_unit_test(kicks_are_marked_and_told),
        cmocka_unit_test(time_limits),
        cmocka_unit_test(viewers_outlive_the_window),
        cmocka_unit_test(written_behind_at_least_once),
        cmocka_unit_test(the_ended_are_forgotten_when_written),
        cmocka_unit_test(a_full_zone_evicts_in_order),
        cmocka_unit_test(nothing_left_to_evict_is_said),
        cmocka_unit_test(what_a_dead_worker_held_ends),
        cmocka_unit_test(half_an_end_is_finished),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
