#include "node_support.h"

#include <set>

using namespace ks;
using ks::srs::Event;
using ks::test::NodeWorld;
using model::Action;
using model::EndReason;

namespace {

constexpr const char *kRtmp = "rtmp://media.example.org/live";

zone::Node node_of(NodeWorld &w) {
    auto node = w.memory.zone().nodes().find("srs_a");
    assert_true(node.has_value());
    return *node;
}

Id publish(NodeWorld &w, const char *client, int64_t bytes = 1000) {
    Id p = w.session(Action::publish);
    w.add({client, w.id.str(), "rtc-publish", "192.0.2.9", bytes});
    assert_text(w.hook(Event::publish, client, w.param(p)), "");
    w.run(w.nodes->look_for_media("srs_a"));
    return p;
}

void write_all(NodeWorld &w) {
    auto dirty = w.sessions.table().take_dirty(100, w.loop.wall());
    std::vector<model::Session> rows;
    for (const auto &d : dirty) {
        rows.push_back(d.session);
    }
    assert_true(w.run(w.store->sessions().write(rows)).ok());
}

} // namespace

static void a_probe_learns_who_it_is(void **) {
    NodeWorld w;
    w.run(w.nodes->probe("srs_a"));
    zone::Node n = node_of(w);
    assert_int_equal(n.state, zone::NodeState::up);
    assert_true(n.is_srs);
    assert_text(n.server_id.view(), "node-a");
    assert_text(n.service_id.view(), "run00001");
    w.srs.stop();
    w.run(w.nodes->probe("srs_a")); // refused: once is enough
    n = node_of(w);
    assert_int_equal(n.state, zone::NodeState::down);
    assert_true(n.refused);
}

// Closed without a word may be chance; twice is not.
static void a_node_that_says_nothing(void **) {
    NodeWorld w;
    w.run(w.nodes->probe("srs_a"));
    {
        std::lock_guard guard(w.lock);
        w.silent = true;
    }
    w.run(w.nodes->probe("srs_a"));
    assert_int_equal(node_of(w).state, zone::NodeState::up);
    w.run(w.nodes->probe("srs_a"));
    assert_int_equal(node_of(w).state, zone::NodeState::down);
    {
        std::lock_guard guard(w.lock);
        w.silent = false;
    }
    w.run(w.nodes->probe("srs_a"));
    assert_int_equal(node_of(w).state, zone::NodeState::up);
}

static void media_make_a_publisher_active(void **) {
    NodeWorld w;
    Id p = publish(w, "p1", 0);
    assert_text(w.state(p), "connecting");
    w.add({"p1", w.id.str(), "rtc-publish", "192.0.2.9", 10});
    w.run(w.nodes->look_for_media("srs_a"));
    assert_text(w.state(p), "active");
}

// Another one's media under the same name are not this one's.
static void the_media_of_another_do_not_count(void **) {
    NodeWorld w;
    Id p = publish(w, "p1", 0);
    w.remove("p1");
    w.add({"zz", w.id.str(), "rtc-publish", "192.0.2.9", 10});
    w.run(w.nodes->look_for_media("srs_a"));
    assert_text(w.state(p), "connecting");
}

static void without_hooks_its_lists_tell(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.add({"p1", w.id.str(), "rtc-publish", "192.0.2.9", 10});
    w.run(w.nodes->look_for_media("srs_a"));
    assert_text(w.state(p), "active");
    assert_text(w.find(p).srs_client.view(), "p1");
    Id v = w.session(Action::play);
    w.add({"v1", w.id.str(), "rtc-play", "192.0.2.9", 10});
    w.add({"v2", w.id.str(), "rtc-play", "192.0.2.77", 10}); // not ours: stays
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.find(v).srs_client.view(), "v1");
    w.run(w.nodes->compare("srs_a"));
    assert_true(w.there("v2"));
    w.remove("v1");
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(v), "closed");
}

// on_unpublish and on_stop that never came.
static void clients_that_left_without_a_word(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    Id v = w.session(Action::play);
    w.add({"v1", w.id.str(), "rtc-play"});
    w.hook(Event::play, "v1", w.param(v));
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(p), "active");
    assert_int_equal(w.find(p).bytes_in, 1000);
    assert_int_equal(w.viewers(), 1);
    w.remove("p1");
    w.remove("v1");
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(p), "closed");
    assert_int_equal(w.viewers(), 0);
    assert_int_equal(node_of(w).clients, 0);
}

// Linked after the list was asked for: it cannot be in it.
static void a_client_newer_than_the_list(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    w.remove("p1");
    auto list = w.nodes->compare("srs_a");
    assert_false(list.start());
    w.host.ahead += kSecond;
    w.sessions.table().link(p, w.service, "p2", "", w.loop.wall());
    w.host.ahead -= kSecond;
    w.host.run(w.loop, [&] { return list.done(); });
    assert_text(w.state(p), "active");
}

static void a_new_run_of_the_process_has_none_of_them(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    {
        std::lock_guard guard(w.lock);
        w.service = "run00002";
    }
    // the same name by chance, in another run
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(p), "closed");
    assert_int_equal(w.find(p).end_reason, EndReason::upstream);
}

// More clients than are asked for: who is not told of may be there.
static void a_list_that_is_cut(void **) {
    NodeWorld w;
    Id p = publish(w, "zz");
    for (int i = 0; i < 20000; i++) {
        w.add({"a" + std::to_string(i), "x", "rtmp-play"});
    }
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_int_equal(node_of(w).clients, 20000);
    assert_text(w.state(p), "active");
}

// SRS puts a player into its list when the answer to its hook is there.
static void a_player_between_its_hook_and_the_list(void **) {
    NodeWorld w;
    publish(w, "p1");
    Id v = w.session(Action::play);
    assert_text(w.hook(Event::play, "v1", w.param(v)), "");
    w.host.ahead += kSecond / 2; // a node with much to do
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(v), "active");
    w.add({"v1", w.id.str(), "rtc-play"});
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(v), "active");
}

// Whoever is there and was let in by nobody is ended, when a hook had its time.
static void strangers_are_ended(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    w.add({"x1", w.id.str(), "rtc-publish"});
    w.add({"x2", "somebody-elses", "fmle-publish"});
    for (int i = 0; i < 3; i++) { // more often than usual: something is odd
        w.run(w.nodes->compare("srs_a"));
    }
    w.until([&] { return w.up->pending() == 0; });
    assert_true(w.there("x1"));
    w.host.ahead += 4 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    w.until([&] { return !w.there("x1"); });
    assert_true(w.there("x2")); // no stream of ours
    assert_true(w.there("p1"));
    assert_text(w.state(p), "active");
}

static void an_end_that_was_not_heard_is_repeated(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    w.sessions.table().close(p, EndReason::kicked, w.loop.wall());
    w.run(w.nodes->compare("srs_a"));
    w.until([&] { return !w.there("p1"); });
}

static void drained_nodes_take_nothing_new(void **) {
    NodeWorld w;
    conf::SrsNode other;
    other.name = "srs_b";
    other.api = "127.0.0.1:1";
    w.config.srs_nodes.push_back(other);
    gate::Upstream up(w.config, w.memory.zone(), w.loop);
    gate::Nodes nodes(w.config, *w.store, w.memory.zone(), w.sessions, up,
                      w.loop);
    gate::Decision d;
    auto place = [&](Action action) {
        return std::string(gate::place(w.config, w.memory.zone(), d, action));
    };
    rt::SystemEntropy entropy;
    std::set<std::string> used;
    for (int i = 0; i < 50; i++) {
        d.stream.id = make_id(prefix::kStream, entropy);
        used.insert(place(Action::publish));
    }
    assert_int_equal(used.size(), 2);

    assert_true(w.run(w.store->nodes().drain("srs_a", true)).ok());
    w.run(nodes.read_wishes());
    for (int i = 0; i < 50; i++) {
        d.stream.id = make_id(prefix::kStream, entropy);
        assert_text(place(Action::publish), "srs_b");
    }
    // what is there stays there for its viewers
    d.node.assign("srs_a");
    d.publisher = make_id(prefix::kSession, entropy);
    assert_text(place(Action::play), "srs_a");
    assert_text(place(Action::publish), "srs_b");

    assert_true(w.run(w.store->nodes().drain("srs_a", false)).ok());
    w.run(nodes.read_wishes());
    assert_text(place(Action::publish), "srs_a");
}

static void a_node_that_is_down_is_passed_over(void **) {
    NodeWorld w;
    conf::SrsNode other;
    other.name = "srs_b";
    other.api = "127.0.0.1:1";
    w.config.srs_nodes.push_back(other);
    zone::Nodes &known = w.memory.zone().nodes();
    gate::Decision d;
    d.stream.id = w.id;
    d.node.assign("srs_a");
    auto place = [&] {
        return std::string(
            gate::place(w.config, w.memory.zone(), d, Action::publish));
    };
    assert_text(place(), "srs_a");
    known.failed("srs_a", true, w.loop.wall());
    assert_text(place(), "srs_b");
    known.failed("srs_b", true, w.loop.wall());
    assert_true(!place().empty()); // one of them may be back
    known.answered("srs_a", "node-a", "run", w.loop.wall());
    assert_text(place(), "srs_a");
}

// An nginx that starts with an empty memory finds them in the store, and the
// node tells which of them still live.
static void sessions_are_found_again(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    Id v = w.session(Action::play);
    w.hook(Event::play, "v1", w.param(v));
    write_all(w);

    test::ZoneMemory empty;
    gate::Sessions sessions(empty.zone(), nullptr, w.loop);
    gate::Upstream up(w.config, empty.zone(), w.loop);
    sessions.use(up);
    gate::Nodes nodes(w.config, *w.store, empty.zone(), sessions, up, w.loop);
    w.host.full = rt::Pool::store;
    assert_false(w.run(nodes.recover()));
    w.host.full.reset();
    assert_true(empty.zone().claim_recovery());
    assert_false(empty.zone().claim_recovery());
    assert_true(w.run(nodes.recover()));
    auto live = sessions.table().find_live(w.id, w.loop.wall());
    assert_true(live.has_value() && live->publisher == p);
    assert_int_equal(live->viewers, 1);
    assert_text(live->node.view(), "srs_a");
    w.host.ahead += 3 * kSecond;
    w.run(nodes.compare("srs_a")); // v1 is gone meanwhile
    live = sessions.table().find_live(w.id, w.loop.wall());
    assert_int_equal(live->viewers, 0);
    assert_true(live->publisher == p);
    sessions.end_session(p, EndReason::kicked);
    w.until([&] { return !w.there("p1"); });
}

// RTMP straight to the node, whose hook came and whose answer SRS never read.
static void a_client_that_never_came(void **) {
    NodeWorld w;
    assert_text(w.hook(Event::publish, "c1", "key=" + w.key(), kRtmp), "");
    assert_true(w.publisher().has_value());
    w.host.ahead += 3 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_false(w.publisher().has_value());
}

// The publisher came back at another node: nothing comes here any more.
static void viewers_follow_their_publisher(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    Id v = w.session(Action::play);
    w.add({"v1", w.id.str(), "rtc-play"});
    w.hook(Event::play, "v1", w.param(v));
    w.sessions.table().close(p, EndReason::client, w.loop.wall());
    w.remove("p1");
    model::Session other;
    rt::SystemEntropy entropy;
    other.id = make_id(prefix::kSession, entropy);
    other.stream_id = w.id;
    other.action = Action::publish;
    other.node.assign("srs_b");
    other.started_at = w.loop.wall();
    model::StreamFacts facts;
    facts.id = w.id;
    assert_true(w.sessions.table()
                    .open_publisher(other, facts, Id(), w.loop.wall())
                    .ok());
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(v), "active"); // it may go by itself
    w.host.ahead += 4 * kSecond;
    w.run(w.nodes->compare("srs_a"));
    assert_text(w.state(v), "closed");
    w.until([&] { return !w.there("v1"); });
}

static void dead_nodes_lose_their_sessions(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    w.sessions.start();
    w.nodes->start();
    w.until([&] { return node_of(w).listed_at > 0; });
    w.srs.stop();
    w.until([&] { return node_of(w).state == zone::NodeState::down; });
    assert_text(w.state(p), "active"); // it may be back at once
    w.host.ahead += 6 * kSecond;
    w.until([&] { return w.state(p) == "closed"; });
    assert_int_equal(w.find(p).end_reason, EndReason::upstream);
}

// Let in by an nginx that is replaced by this one, or whose sessions could not
// be read when this one began: no stranger.
static void who_is_in_the_store_is_no_stranger(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    w.add({"x1", w.id.str(), "rtc-play"});
    write_all(w);

    test::ZoneMemory empty;
    gate::Sessions sessions(empty.zone(), nullptr, w.loop);
    gate::Upstream up(w.config, empty.zone(), w.loop);
    sessions.use(up);
    gate::Nodes nodes(w.config, *w.store, empty.zone(), sessions, up, w.loop);
    empty.zone().nodes().hooked("srs_a");
    w.run(nodes.compare("srs_a"));
    w.host.ahead += 4 * kSecond;
    w.host.full = rt::Pool::store; // nobody is ended on a guess
    w.run(nodes.compare("srs_a"));
    w.host.full.reset();
    w.until([&] { return up.pending() == 0; });
    assert_true(w.there("p1"));
    assert_true(w.there("x1"));
    w.run(nodes.compare("srs_a"));
    w.until([&] { return !w.there("x1"); });
    assert_true(w.there("p1"));
    auto live = sessions.table().find_live(w.id, w.loop.wall());
    assert_true(live.has_value() && live->publisher == p);
}

// Descriptors, memory, threads: no word on the node.
static void our_own_want_is_no_failure_of_a_node(void **) {
    NodeWorld w;
    w.run(w.nodes->probe("srs_a"));
    w.host.full = rt::Pool::names;
    w.config.srs_nodes[0].api = "name.invalid:1985"; // is looked up on a thread
    gate::Upstream up(w.config, w.memory.zone(), w.loop);
    gate::Nodes nodes(w.config, *w.store, w.memory.zone(), w.sessions, up,
                      w.loop);
    for (int i = 0; i < 3; i++) {
        w.run(nodes.probe("srs_a"));
    }
    assert_int_equal(node_of(w).state, zone::NodeState::up);
    w.host.full.reset(); // and a name that is not known now is not sure
    w.run(nodes.probe("srs_a"));
    assert_false(node_of(w).refused);
}

// By another name in the configuration, or in it no more.
static void nodes_that_the_configuration_names_no_more(void **) {
    NodeWorld w;
    Id p = publish(w, "p1");
    Id v = w.session(Action::play);
    w.add({"v1", w.id.str(), "rtc-play"});
    w.hook(Event::play, "v1", w.param(v));
    w.config.srs_nodes[0].name = "srs_new";
    gate::Upstream up(w.config, w.memory.zone(), w.loop);
    gate::Nodes nodes(w.config, *w.store, w.memory.zone(), w.sessions, up,
                      w.loop);
    gate::Hooks hooks(w.config, w.access, w.limits, w.sessions, up, w.tickets,
                      w.loop);
    nodes.settle_orphans();
    assert_text(w.state(p), "active"); // the nodes are not known yet
    w.run(nodes.probe("srs_new"));
    nodes.settle_orphans();
    assert_text(w.find(p).node.view(), "srs_new");
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_text(live->node.view(), "srs_new");
    assert_true(w.sessions.table()
                    .linked("srs_new", w.service, "v1", w.loop.wall())
                    .has_value());
    w.run(nodes.compare("srs_new"));
    assert_text(w.state(p), "active");
    assert_text(w.state(v), "active");

    w.config.srs_nodes[0].name = "srs_c";
    gate::Nodes others(w.config, *w.store, w.memory.zone(), w.sessions, up,
                       w.loop);
    w.memory.zone().nodes().answered("srs_c", "node-c", "run0000c",
                                     w.loop.wall());
    others.settle_orphans();
    assert_text(w.state(p), "closed");
    assert_int_equal(w.viewers(), 0);
}

// A node that says nothing keeps its own ends waiting, and no other's.
static void a_silent_node_delays_no_other(void **) {
    NodeWorld w;
    test::HttpServer mute([](const auto &) { return std::string("hang"); });
    conf::SrsNode other;
    other.name = "srs_b";
    other.api = mute.address();
    w.config.srs_nodes.push_back(other);
    gate::Upstream up(w.config, w.memory.zone(), w.loop);
    for (int i = 0; i < 50; i++) {
        up.kick_later("srs_b", "b" + std::to_string(i));
    }
    w.add({"p1", w.id.str(), "rtc-publish"});
    Millis since = w.loop.now();
    up.kick_later("srs_a", "p1");
    w.until([&] { return !w.there("p1"); });
    assert_true(w.loop.now() - since < kSecond);
    w.loop.cancel_spawned();
}

// After a reload, with a connection that keeps it for hours.
static void a_worker_that_drains_leads_no_more(void **) {
    NodeWorld w;
    zone::Workers &workers = w.memory.zone().workers();
    w.sessions.start();
    w.until([&] { return w.sessions.leads(); });
    uint32_t other = workers.enter(2, w.loop.wall());
    assert_false(workers.lead(other, w.loop.now(), 3000));
    w.loop.drain();
    w.until([&] { return workers.lead(other, w.loop.now(), 3000); });
    assert_false(w.sessions.leads());
    // alone it goes on: what has ended is still to be written
    workers.leave(other);
    w.until([&] { return w.sessions.leads(); });
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_learns_who_it_is),
        cmocka_unit_test(a_node_that_says_nothing),
        cmocka_unit_test(media_make_a_publisher_active),
        cmocka_unit_test(the_media_of_another_do_not_count),
        cmocka_unit_test(without_hooks_its_lists_tell),
        cmocka_unit_test(clients_that_left_without_a_word),
        cmocka_unit_test(a_client_newer_than_the_list),
        cmocka_unit_test(a_new_run_of_the_process_has_none_of_them),
        cmocka_unit_test(a_list_that_is_cut),
        cmocka_unit_test(a_player_between_its_hook_and_the_list),
        cmocka_unit_test(strangers_are_ended),
        cmocka_unit_test(who_is_in_the_store_is_no_stranger),
        cmocka_unit_test(our_own_want_is_no_failure_of_a_node),
        cmocka_unit_test(nodes_that_the_configuration_names_no_more),
        cmocka_unit_test(a_silent_node_delays_no_other),
        cmocka_unit_test(an_end_that_was_not_heard_is_repeated),
        cmocka_unit_test(drained_nodes_take_nothing_new),
        cmocka_unit_test(a_node_that_is_down_is_passed_over),
        cmocka_unit_test(sessions_are_found_again),
        cmocka_unit_test(a_client_that_never_came),
        cmocka_unit_test(viewers_follow_their_publisher),
        cmocka_unit_test(dead_nodes_lose_their_sessions),
        cmocka_unit_test(a_worker_that_drains_leads_no_more),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
