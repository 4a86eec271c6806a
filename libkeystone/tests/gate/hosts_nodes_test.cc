// Two nginx hosts and one media server behind both.
#include "fake_node.h"
#include "gate/nodes.h"
#include "hosts_support.h"

using namespace ks;
using namespace ks::test;
using model::EndReason;
using model::Protocol;

namespace {

struct World : FakeNode, HostsWorld {
    gate::Nodes at_a = nodes(a);
    gate::Nodes at_b = nodes(b);

    World() : HostsWorld(with(srs.address())) {}
    ~World() { loop.cancel_spawned(); }

    static std::vector<conf::SrsNode> with(const std::string &address) {
        conf::SrsNode node;
        node.name = "srs_a";
        node.api = address;
        return {node};
    }
    gate::Nodes nodes(TestHost &h) {
        return {h.config,    *h.store,    h.memory.zone(),
                *h.sessions, *h.upstream, loop};
    }
    // A publisher whom the media server has answered.
    Id publish(TestHost &h) {
        Id session;
        auto admission =
            admit(h, key, session, model::Action::publish, Protocol::whip);
        assert_int_equal(admission.code, Code::ok);
        h.table().amend(session, loop.wall(), [](model::Session &s) {
            s.upstream_resource.assign("/rtc/v1/whip/?session=x");
        });
        return session;
    }
    void sends(const std::string &client) {
        add({client, id.str(), "rtc-publish", "192.0.2.9", 1000});
    }
    // Until the store has told all for long enough to end anybody.
    void wait_sound() {
        turns();
        host.ahead += kMinute;
        turns();
    }
    std::string client_of(TestHost &h, const Id &session) {
        return h.find(session)->srs_client.str();
    }
};

} // namespace

static void its_lists_tell_who_publishes(void **) {
    World w;
    w.sends("c_one");
    Id one = w.publish(w.a);
    w.run(w.at_a.look_for_media("srs_a"));
    assert_text(w.client_of(w.a, one), "c_one");
    assert_text(w.a.status(w.id), "active");
}

static void who_replaces_a_publisher_is_not_taken_for_it(void **) {
    World w;
    Id one = w.publish(w.a);
    w.turns();
    Id two = w.publish(w.b); // of which the first host has not heard
    w.sends("c_two");
    w.run(w.at_a.look_for_media("srs_a"));
    assert_text(w.client_of(w.a, one), "");
    w.turns();
    assert_text(w.a.end_of(one), "replaced");
    w.run(w.at_b.look_for_media("srs_a"));
    assert_text(w.client_of(w.b, two), "c_two");
    assert_true(w.there("c_two"));
}

static void nor_by_a_look_at_all_clients(void **) {
    World w;
    Id one = w.publish(w.a);
    w.wait_sound();
    Id two = w.publish(w.b);
    w.sends("c_two");
    w.run(w.at_a.compare("srs_a"));
    assert_text(w.client_of(w.a, one), "");
    w.run(w.at_b.compare("srs_a"));
    assert_text(w.client_of(w.b, two), "c_two");
}

// The client of whom it replaces is still there.
static void nor_is_who_was_there_before(void **) {
    World w;
    w.sends("c_before");
    w.wait_sound();
    Id session;
    auto admission =
        w.admit(w.a, w.key, session, model::Action::publish, Protocol::whip);
    assert_int_equal(admission.code, Code::ok);
    w.run(w.at_a.look_for_media("srs_a"));
    w.run(w.at_a.compare("srs_a"));
    assert_text(w.client_of(w.a, session), "");
}

// What it is called there is written by its host a little later.
static void who_replaces_waits_for_the_name(void **) {
    World w;
    Id one;
    auto admission =
        w.admit(w.a, w.key, one, model::Action::publish, Protocol::whip);
    assert_int_equal(admission.code, Code::ok);
    w.sends("c_one");
    w.loop.spawn([](World &world, Id session) -> rt::Task<void> {
        co_await rt::sleep_for(200);
        assert_true(world.there("c_one"));
        world.a.table().claim(session, world.service, "c_one", "vid",
                              world.loop.wall());
        model::Session row = *world.a.find(session);
        row.host = world.a.id();
        std::vector<model::Session> rows{row};
        auto done = co_await world.a.store->sessions().write(std::move(rows));
        (void)done;
    }(w, one));
    Id two = w.publish(w.b);
    assert_false(w.there("c_one"));
    w.turns();
    assert_text(w.a.end_of(one), "replaced");
    assert_true(w.a.live(w.id)->publisher == two);
}

// Its host was told who it is on the node, and died before it wrote that.
static void an_heir_finds_whom_it_inherits(void **) {
    World w;
    Id one;
    auto admission =
        w.admit(w.a, w.key, one, model::Action::publish, Protocol::whip);
    assert_int_equal(admission.code, Code::ok);
    w.turns();
    w.sends("c_one");
    assert_true(w.run(w.a.store->hosts().leave(w.a.id())).ok());
    w.b.turn();
    assert_true(w.b.find(one)->host.empty());
    w.run(w.at_b.look_for_media("srs_a"));
    assert_text(w.client_of(w.b, one), ""); // it may be another's
    w.host.ahead += 10 * kSecond;
    w.run(w.at_b.look_for_media("srs_a"));
    assert_text(w.client_of(w.b, one), "c_one");
    assert_text(w.b.status(w.id), "active");
}

// SRS may show one address for all of its clients.
static void who_shows_a_good_ticket_does_not_count(void **) {
    World w;
    gate::Tickets tickets(test_secrets());
    w.b.config.rate_limits["rtmp"] = {1, kHour, 0};
    gate::Hooks hooks(w.b.config, *w.b.access, *w.b.limits, *w.b.sessions,
                      *w.b.upstream, tickets, w.loop);
    auto play = [&](const std::string &client, const std::string &ticket) {
        srs::Hook h;
        h.event = srs::Event::play;
        h.server_id = "node-a";
        h.service_id = "run00001";
        h.client_id = client;
        h.ip = "192.0.2.9";
        h.vhost = "__defaultVhost__";
        h.app = "live";
        h.stream = w.id.str();
        h.param = "app=live&stream=" + h.stream + "&ks=" + ticket;
        h.stream_url = "/live/" + h.stream;
        auto verdict = w.run(hooks.take(h, "srs_a"));
        return verdict ? Code::ok : verdict.error().code;
    };
    Id publisher = w.publish(w.a);
    w.a.table().media(publisher, 1, 0, w.loop.wall());
    for (const char *client : {"v1", "v2", "v3"}) {
        Id viewer;
        auto admission =
            w.admit(w.a, w.key, viewer, model::Action::play, Protocol::whep);
        assert_int_equal(admission.code, Code::ok);
        assert_int_equal(play(client, tickets.make(viewer)), Code::ok);
    }
    std::string nobodys(22, 'A');
    assert_int_equal(play("v4", nobodys), Code::unauthorized);
    assert_int_equal(play("v5", nobodys), Code::rate_limited);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(its_lists_tell_who_publishes),
        cmocka_unit_test(who_replaces_a_publisher_is_not_taken_for_it),
        cmocka_unit_test(nor_by_a_look_at_all_clients),
        cmocka_unit_test(nor_is_who_was_there_before),
        cmocka_unit_test(who_replaces_waits_for_the_name),
        cmocka_unit_test(an_heir_finds_whom_it_inherits),
        cmocka_unit_test(who_shows_a_good_ticket_does_not_count),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
