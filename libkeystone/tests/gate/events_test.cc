#include "gate/events.h"
#include "zone/sessions.h"

#include "../store/support.h"
#include "../support/fake_host.h"

#include <optional>

using namespace ks;
using namespace ks::test;
using gate::EventReader;
using gate::Events;
using Next = EventReader::Next;

namespace {

constexpr uint8_t kAll = 15;

struct World {
    FakeHost host;
    rt::Loop loop{host};
    ZoneMemory memory;
    zone::Sessions table{memory.zone()};
    Events events{memory.zone(), loop};
    Id id{"str_0123456789ABCDEFGHIJKL"};
};

// Who reads a feed as the host does: asks again when woken.
struct Reader : rt::Ready {
    Reader(World &w, const Id &feed, std::string_view known = {}) : world(w) {
        auto opened = w.events.read(feed, w.id.view(), known);
        assert_true(opened.ok());
        source = *opened;
        pull();
    }

    // All that there is now, without what comes first in every answer.
    std::string pull() {
        std::string all;
        std::string piece;
        woken = false;
        while ((last = source->next(&piece, *this)) == Next::piece) {
            all += piece;
        }
        if (all.starts_with("retry: ")) {
            all.erase(0, all.find("\n\n") + 2);
        }
        if (first.empty()) {
            first = all;
        }
        return all;
    }
    // What comes within a second and a half.
    std::string wait() {
        world.host.advance(world.loop, 1500);
        return woken ? pull() : std::string();
    }

    void fire() override { woken = true; }

    World &world;
    std::shared_ptr<EventReader> source;
    std::string first;
    Next last = Next::wait;
    bool woken = false;
};

struct EventsWorld : World {
    model::Session watch(std::string_view node = "srs_a") {
        model::Session s;
        s.id = make_id(prefix::kSession, loop.entropy());
        s.stream_id = id;
        s.protocol = model::Protocol::whep;
        s.node.assign(node);
        s.started_at = loop.wall();
        assert_true(table.open_viewer(s, 0, loop.wall()).ok());
        table.media(s.id, 0, 0, loop.wall());
        return s;
    }
    Id publish(std::string_view node = "srs_a") {
        model::Session s;
        s.id = make_id(prefix::kSession, loop.entropy());
        s.stream_id = id;
        s.action = model::Action::publish;
        s.protocol = model::Protocol::whip;
        s.node.assign(node);
        s.started_at = loop.wall();
        model::StreamFacts facts;
        facts.id = id;
        facts.reconnect_window_seconds = 30;
        assert_true(table.open_publisher(s, facts, Id(), loop.wall()).ok());
        return s.id;
    }
    void media(const Id &session) { table.media(session, 0, 0, loop.wall()); }
    void end(const Id &session, model::EndReason why) {
        assert_true(table.close(session, why, loop.wall()));
    }
    Id feed(const model::Session &s, uint8_t kinds = kAll) {
        auto fresh = events.make(s, kinds);
        assert_true(fresh.ok());
        return *fresh;
    }
};

std::string event(std::string_view id, std::string_view type,
                  std::string_view data = "{}") {
    return "id: " + std::string(id) + "\nevent: " + std::string(type) +
           "\ndata: " + std::string(data) + "\n\n";
}

std::string viewers(std::string_view id, int n) {
    return event(id, "viewercount",
                 "{\"viewercount\":" + std::to_string(n) + "}");
}

void a_list_of_kinds(void **) {
    assert_int_equal(*Events::read_kinds("[\"active\"]"), Events::active);
    assert_int_equal(*Events::read_kinds("[\"viewercount\", \"reconnect\", "
                                         "\"viewercount\"]"),
                     Events::viewercount | Events::reconnect);
    for (const char *bad :
         {"", "{}", "[]", "[\"layers\"]", "[\"active\",\"scte35\"]", "[1]",
          "\"active\"", "[\"Active\"]", "[\"active\"", "null"}) {
        auto kinds = Events::read_kinds(bad);
        assert_row(bad, !kinds.ok());
        assert_row(bad, code_status(kinds.error().code) == 400);
    }
    assert_has(Events::read_kinds("[\"layers\"]").error().detail,
               "active,inactive,viewercount,reconnect");
}

void a_broadcast_as_it_is_told(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session));
    assert_text(r.first, viewers("-.1", 1)); // never `inactive` first
    assert_text(r.wait(), "");

    Id publisher = w.publish();
    assert_text(r.wait(), ""); // no media yet
    w.media(publisher);
    assert_text(r.wait(), event("a.1", "active"));
    assert_text(r.wait(), "");

    auto other = w.watch();
    assert_text(r.wait(), viewers("a.2", 2));
    w.end(other.id, model::EndReason::client);
    assert_text(r.wait(), viewers("a.1", 1));

    w.end(publisher, model::EndReason::client);
    assert_text(r.wait(), event("i.1", "inactive"));
    w.media(w.publish());
    assert_text(r.wait(), event("a.1", "active"));
}

void only_what_was_asked_for(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session, Events::inactive));
    assert_text(r.first, "");
    Id publisher = w.publish();
    w.media(publisher);
    assert_text(r.wait(), "");
    w.watch();
    assert_text(r.wait(), "");
    w.end(publisher, model::EndReason::client);
    assert_text(r.wait(), event("i.-", "inactive"));
}

// Its id says what the reader knows: nothing is told twice or forgotten.
void who_comes_back_is_told_what_is_new(void **) {
    EventsWorld w;
    auto session = w.watch();
    Id feed = w.feed(session);
    assert_text(Reader(w, feed, "a.1").first, event("i.1", "inactive"));
    assert_text(Reader(w, feed, "i.1").first, "");
    w.media(w.publish());
    assert_text(Reader(w, feed, "i.1").first, event("a.1", "active"));
    assert_text(Reader(w, feed, "a.1").first, "");
    assert_text(Reader(w, feed, "a.7").first, viewers("a.1", 1));
    for (const char *junk : {"x.1", "a", "a1", "", "a.99999999999", "a.1x"}) {
        Reader r(w, feed, junk);
        assert_row(junk, !r.first.empty());
        assert_has(r.first, "viewercount");
    }
}

// Many changes cost a slow reader nothing, and us no memory.
void what_came_and_went_is_not_queued(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session));
    for (int i = 0; i < 50; i++) {
        Id publisher = w.publish();
        w.media(publisher);
        w.watch();
        w.host.advance(w.loop, 400);
        w.end(publisher, model::EndReason::client);
        w.host.advance(w.loop, 400);
    }
    assert_true(r.woken);
    assert_text(r.pull(), viewers("-.51", 51));
    assert_text(r.wait(), "");
}

void viewers_are_counted_once_a_second(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session, Events::viewercount));
    int told = 0;
    for (int i = 0; i < 40; i++) {
        w.watch();
        w.host.advance(w.loop, 250);
        if (r.woken) {
            told += r.pull().empty() ? 0 : 1;
        }
    }
    assert_in_range(told, 8, 11);
}

void a_heartbeat_in_silence(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session));
    int beats = 0;
    for (int i = 0; i < 59; i++) {
        w.host.advance(w.loop, 1000);
        w.media(session.id);
        std::string text = r.woken ? r.pull() : "";
        assert_true(text.empty() || text == ":\n\n");
        beats += text.empty() ? 0 : 1;
    }
    assert_int_equal(beats, 3);
}

void a_publisher_that_moved(void **) {
    EventsWorld w;
    w.media(w.publish("srs_a"));
    auto session = w.watch("srs_a");
    Reader r(w, w.feed(session));
    Id before = w.table.publisher_of(w.id, w.loop.wall())->id;
    w.end(before, model::EndReason::upstream);
    assert_text(r.wait(), event("i.1", "inactive"));
    w.media(w.publish("srs_b"));
    std::string told = r.wait();
    assert_text(told, event("a.1", "active") + event("a.1", "reconnect"));
    assert_text(r.wait(), "");
}

void a_media_server_that_is_down(void **) {
    EventsWorld w;
    w.media(w.publish());
    auto session = w.watch();
    Reader r(w, w.feed(session, Events::reconnect));
    zone::Nodes &nodes = w.memory.zone().nodes();
    nodes.answered("srs_a", "a", "1", w.loop.wall());
    nodes.failed("srs_b", true, w.loop.wall());
    assert_text(r.wait(), "");
    for (int i = 0; i < 2; i++) { // told each time it goes
        nodes.failed("srs_a", true, w.loop.wall());
        assert_text(r.wait(), event("a.-", "reconnect"));
        assert_text(r.wait(), "");
        nodes.answered("srs_a", "a", "1", w.loop.wall());
        assert_text(r.wait(), "");
    }
}

void the_media_server_lost_it(void **) {
    EventsWorld w;
    auto session = w.watch();
    Reader r(w, w.feed(session));
    w.end(session.id, model::EndReason::upstream);
    assert_text(r.wait(), event("-.1", "reconnect"));
    assert_int_equal(r.last, Next::end);
}

void what_ends_a_reader(void **) {
    {
        EventsWorld w;
        auto session = w.watch();
        Id feed = w.feed(session);
        Reader first(w, feed);
        Reader second(w, feed);
        assert_text(first.wait(), "");
        assert_int_equal(first.last, Next::end);
        assert_int_equal(second.last, Next::wait);
        w.end(session.id, model::EndReason::client);
        assert_text(second.wait(), "");
        assert_int_equal(second.last, Next::end);
        assert_false(w.events.has(feed, w.id.view()));
    }
    EventsWorld w;
    auto session = w.watch();
    Id feed = w.feed(session);
    Reader r(w, feed);
    assert_false(w.events.end(feed, "another"));
    assert_true(w.events.end(feed, w.id.view()));
    assert_false(w.events.end(feed, w.id.view()));
    assert_text(r.wait(), "");
    assert_int_equal(r.last, Next::end);

    Reader last(w, w.feed(session));
    w.loop.drain();
    assert_text(last.wait(), "");
    assert_int_equal(last.last, Next::end);
}

// Another worker, or this one after a reload, has the same zone.
void any_worker_can_go_on(void **) {
    EventsWorld w;
    auto session = w.watch();
    Id feed = w.feed(session);
    Reader here(w, feed);
    Events other(w.memory.zone(), w.loop);
    auto there = other.read(feed, w.id.view(), "");
    assert_true(there.ok());
    assert_text(here.wait(), "");
    assert_int_equal(here.last, Next::end);
}

void there_are_bounds(void **) {
    EventsWorld w;
    auto session = w.watch();
    std::vector<Id> feeds;
    for (size_t i = 0; i < Events::kPerSession; i++) {
        feeds.push_back(w.feed(session));
    }
    auto more = w.events.make(session, kAll);
    assert_false(more.ok());
    assert_int_equal(code_status(more.error().code), 429);
    assert_true(w.events.make(w.watch(), kAll).ok()); // each its own

    // one that nobody reads is no bound for long; one that is read stays
    Reader reads(w, feeds[0]);
    w.host.advance(w.loop, 70 * kSecond);
    w.media(session.id);
    for (size_t i = 1; i < Events::kPerSession; i++) {
        w.feed(session);
    }
    assert_false(w.events.make(session, kAll).ok());
    assert_true(w.events.has(feeds[0], w.id.view()));
    assert_false(w.events.has(feeds[1], w.id.view()));
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_kinds),
        cmocka_unit_test(a_broadcast_as_it_is_told),
        cmocka_unit_test(only_what_was_asked_for),
        cmocka_unit_test(who_comes_back_is_told_what_is_new),
        cmocka_unit_test(what_came_and_went_is_not_queued),
        cmocka_unit_test(viewers_are_counted_once_a_second),
        cmocka_unit_test(a_heartbeat_in_silence),
        cmocka_unit_test(a_publisher_that_moved),
        cmocka_unit_test(a_media_server_that_is_down),
        cmocka_unit_test(the_media_server_lost_it),
        cmocka_unit_test(what_ends_a_reader),
        cmocka_unit_test(any_worker_can_go_on),
        cmocka_unit_test(there_are_bounds),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
