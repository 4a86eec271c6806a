#include "node_support.h"

using namespace ks;
using ks::srs::Event;
using ks::test::NodeWorld;
using model::Action;

namespace {

constexpr const char *kRtmp = "rtmp://media.example.org/live";
constexpr const char *kSrt = "srt://media.example.org/live";

} // namespace

static void a_ticket_is_good_for_one_client(void **) {
    NodeWorld w;
    Id s = w.session(Action::publish);
    std::string param = w.param(s);
    assert_text(w.hook(Event::publish, "c1", param), "");
    assert_text(w.find(s).srs_client.view(), "c1");
    assert_text(w.hook(Event::publish, "c1", param), ""); // it came twice
    w.add({"c2", w.id.str(), "rtc-publish"});
    assert_text(w.hook(Event::publish, "c2", param), "token_revoked");
    // what SRS keeps of a refused publisher is ended
    w.until([&] { return !w.there("c2"); });
    assert_text(w.state(s), "connecting");
}

static void webrtc_without_a_ticket_gets_nowhere(void **) {
    NodeWorld w;
    w.add({"c1", w.id.str(), "rtc-publish"});
    assert_text(w.hook(Event::publish, "c1",
                       "app=live&stream=" + w.id.str() + "&token=" + w.key()),
                "unauthorized");
    w.until([&] { return !w.there("c1"); });
    assert_text(w.hook(Event::play, "c2", "app=live&stream=" + w.id.str()),
                "unauthorized");
    assert_text(w.hook(Event::play, "c3", "token=" + w.key(),
                       "rtmp://__defaultVhost__/live"), // FLV
                "unauthorized");
    assert_text(w.hook(Event::play, "c4", "token=" + w.key(),
                       "http://127.0.0.1/live"), // HLS
                "unauthorized");
    assert_false(w.publisher().has_value());
}

static void a_ticket_of_another_kind(void **) {
    NodeWorld w;
    Id s = w.session(Action::publish);
    std::string ticket = w.tickets.make(s);
    assert_text(w.hook(Event::play, "c1", "ks=" + ticket), "unauthorized");
    assert_text(w.hook(Event::publish, "c1", "ks=" + ticket, "",
                       "str_0000000000000000000000"),
                "unauthorized");
    assert_text(w.hook(Event::publish, "c1", "ks=AAAAAAAAAAAAAAAAAAAAAA"),
                "unauthorized");
    w.sessions.release(s, model::EndReason::client);
    assert_text(w.hook(Event::publish, "c1", "ks=" + ticket), "unauthorized");
}

static void rtmp_and_srt_bring_a_credential(void **) {
    for (const char *url : {kRtmp, kSrt}) {
        NodeWorld w;
        assert_text(w.hook(Event::connect, "c1", "", url), "");
        assert_text(w.hook(Event::publish, "c1", "", url), "unauthorized");
        assert_text(w.hook(Event::publish, "c1", "token=ks_pub_wrong", url),
                    "unauthorized");
        std::string key = "key=" + w.key();
        assert_text(w.hook(Event::publish, "c1", key, url), "");
        auto publisher = w.publisher();
        assert_true(publisher.has_value());
        assert_text(publisher->node.view(), "srs_a");
        assert_text(model::name(publisher->protocol),
                    std::string(url).substr(0, url == kSrt ? 3 : 4));
        // twice: the same session
        assert_text(w.hook(Event::publish, "c1", key, url), "");
        assert_true(w.publisher()->id == publisher->id);
        // a loser of a race: its end ends nothing of the winner
        w.hook(Event::close, "c2", "", url);
        assert_true(w.publisher().has_value());
        w.hook(Event::unpublish, "c1", key, url);
        w.hook(Event::close, "c1", "", url);
        assert_false(w.publisher().has_value());
        // late: its client is gone
        assert_text(w.hook(Event::publish, "c1", key, url), "conflict");
    }
}

static void names_that_srs_reads_otherwise(void **) {
    NodeWorld w;
    std::string key = "key=" + w.key();
    for (const char *name : {"../x", "a.b", "a/b", "a b", "a%2Fb", "a;b"}) {
        assert_row(name, w.hook(Event::publish, "c1", key, kRtmp, name) ==
                             "invalid_request");
    }
    srs::Hook h;
    h.event = Event::connect;
    h.client_id = "c1";
    h.service_id = "s1";
    h.vhost = "tenant.example.com";
    h.app = "live";
    assert_false(w.run(w.hooks->take(h, "srs_a")).ok());
    h.vhost = "__defaultVhost__";
    h.app = "live/../..";
    assert_false(w.run(w.hooks->take(h, "srs_a")).ok());
    h.app = "live";
    assert_true(w.run(w.hooks->take(h, "srs_a")).ok());
}

static void which_node_calls(void **) {
    NodeWorld w;
    srs::Hook h;
    h.event = Event::connect;
    h.client_id = "c1";
    h.service_id = "s1";
    h.server_id = "somebody";
    h.vhost = "__defaultVhost__";
    h.app = "live";
    assert_true(w.run(w.hooks->take(h, "")).ok()); // there is but one
    assert_false(w.run(w.hooks->take(h, "srs_z")).ok());
    conf::SrsNode other;
    other.name = "srs_b";
    other.api = "127.0.0.1:1";
    w.config.srs_nodes.push_back(other);
    gate::Upstream up(w.config, w.memory.zone(), w.loop);
    gate::Hooks hooks(w.config, w.access, w.limits, w.sessions, up, w.tickets,
                      w.loop);
    h.server_id = "stranger";
    assert_false(w.run(hooks.take(h, "")).ok());
    h.server_id = "somebody"; // which it called itself before
    assert_true(w.run(hooks.take(h, "")).ok());
    // a name that the configuration had before says nothing
    zone::Nodes &known = w.memory.zone().nodes();
    known.answered("srs_z", "renamed", "s9", w.loop.wall());
    known.answered("srs_b", "renamed", "s9", w.loop.wall());
    h.server_id = "renamed";
    h.service_id = "s9";
    assert_true(w.run(hooks.take(h, "")).ok());
    // two copies of one configuration: their runs tell
    known.answered("srs_a", "twin", "s1", w.loop.wall());
    known.answered("srs_b", "twin", "s2", w.loop.wall());
    h.server_id = "twin";
    h.service_id = "s2";
    assert_true(w.run(hooks.take(h, "")).ok());
    assert_text(known.find("srs_a")->service_id.view(), "s1");
    h.service_id = "s3"; // one of them began anew
    assert_false(w.run(hooks.take(h, "")).ok());
}

// Two workers may hear of the same ticket at once.
static void a_session_is_one_client(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.sessions.table().close(p, model::EndReason::client, w.loop.wall());
    assert_text(w.hook(Event::publish, "p1", w.param(p)), "unauthorized");
    // ended between the hook's look and its mark
    assert_false(w.sessions.table().claim(p, w.service, "p1", "", 1));
    Id q = w.session(Action::publish);
    WallMs now = w.loop.wall();
    assert_true(w.sessions.table().claim(q, w.service, "q1", "", now));
    assert_true(w.sessions.table().claim(q, w.service, "q1", "", now));
    assert_false(w.sessions.table().claim(q, w.service, "q2", "", now));
}

// Straight to a node that the stream is not at: it would wait for ever.
static void players_at_another_node_are_refused(void **) {
    NodeWorld w;
    conf::SrsNode other;
    other.name = "srs_b";
    other.api = "127.0.0.1:1";
    w.config.srs_nodes.push_back(other);
    std::string key = "key=" + w.key();
    assert_text(w.hook(Event::publish, "p1", key, kRtmp), "");
    w.add({"p1", w.id.str(), "fmle-publish", "192.0.2.9", 1000});
    w.run(w.nodes->compare("srs_a"));
    assert_int_equal(w.publisher()->state, model::SessionState::active);
    assert_text(w.hook(Event::play, "v1", key, kRtmp), "");
    assert_true(
        w.sessions.table().move(w.publisher()->id, "srs_b", w.loop.wall()));
    assert_text(w.hook(Event::play, "v2", key, kRtmp), "not_live");
}

static void viewers_are_counted_once(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.hook(Event::publish, "p1", w.param(p));
    w.add({"p1", w.id.str(), "rtc-publish", "192.0.2.9", 1000});
    w.run(w.nodes->look_for_media("srs_a"));
    assert_text(w.state(p), "active");

    Id v = w.session(Action::play);
    assert_text(w.hook(Event::play, "v1", w.param(v)), "");
    assert_text(w.hook(Event::play, "v1", w.param(v)), "");
    assert_int_equal(w.viewers(), 1);
    std::string key = "token=" + w.key();
    assert_text(w.hook(Event::play, "v2", key, kRtmp), "");
    assert_text(w.hook(Event::play, "v2", key, kRtmp), "");
    assert_int_equal(w.viewers(), 2);
    w.hook(Event::stop, "v1", w.param(v));
    w.hook(Event::stop, "v1", w.param(v));
    assert_int_equal(w.viewers(), 1);
    w.hook(Event::stop, "v2", key, kRtmp);
    w.hook(Event::close, "v2", "", kRtmp);
    assert_int_equal(w.viewers(), 0);
    // out of order: the end came first
    w.hook(Event::stop, "v9", key, kRtmp);
    assert_text(w.hook(Event::play, "v1", w.param(v)), "unauthorized");
    assert_int_equal(w.viewers(), 0);
}

static void ending_a_session_ends_its_client(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.add({"p1", w.id.str(), "rtc-publish"});
    w.hook(Event::publish, "p1", w.param(p));
    assert_true(w.sessions.end_session(p, model::EndReason::kicked));
    assert_text(w.state(p), "closed");
    w.until([&] { return !w.there("p1"); });
    // what SRS tells of it then changes nothing
    w.hook(Event::unpublish, "p1", w.param(p));
    assert_int_equal(w.find(p).end_reason, model::EndReason::kicked);
}

static void the_end_is_told_until_it_is_heard(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.add({"p1", w.id.str(), "rtc-publish"});
    w.hook(Event::publish, "p1", w.param(p));
    {
        std::lock_guard guard(w.lock);
        w.silent = true;
    }
    w.sessions.end_session(p, model::EndReason::revoked);
    w.until([&] { return w.srs.count("DELETE /api/v1/clients/p1") >= 1; });
    assert_true(w.there("p1"));
    {
        std::lock_guard guard(w.lock);
        w.silent = false;
    }
    w.until([&] { return !w.there("p1"); });
}

// The newcomer is let in when the old one is gone from the node, not before.
static void a_takeover_frees_the_name_first(void **) {
    NodeWorld w;
    Id first = w.session(Action::publish);
    w.add({"p1", w.id.str(), "rtc-publish"});
    w.hook(Event::publish, "p1", w.param(first));
    Id second = w.session(Action::publish);
    assert_false(w.there("p1"));
    assert_text(w.state(first), "closed");
    assert_int_equal(w.find(first).end_reason, model::EndReason::replaced);
    assert_text(w.hook(Event::publish, "p2", w.param(second)), "");
}

// Also one of whom the node has not asked yet: it is refused, and its name free.
static void a_takeover_waits_for_the_name(void **) {
    NodeWorld w;
    Id first = w.session(Action::publish);
    w.add({"p1", w.id.str(), "rtc-publish"});
    std::string refusal;
    w.loop.spawn([](NodeWorld &world, srs::Hook hook,
                    std::string &code) -> rt::Task<void> {
        co_await rt::sleep_for(100);
        assert_true(world.there("p1"));
        std::string node = "srs_a";
        auto verdict =
            co_await world.hooks->take(std::move(hook), std::move(node));
        code = verdict ? "let in" : code_name(verdict.error().code);
    }(w, w.hook_of(Event::publish, "p1", w.param(first)), refusal));
    Millis began = w.loop.now();
    Id second = w.session(Action::publish);
    assert_text(refusal, "unauthorized");
    assert_false(w.there("p1"));
    assert_true(w.loop.now() - began < kSecond);
    assert_text(w.hook(Event::publish, "p2", w.param(second)), "");
}

// A relay of ours is another client at each attempt, and its end is not the
// publisher's.
static void a_relay_comes_and_goes(void **) {
    NodeWorld w;
    Id p = w.session(Action::publish);
    w.sessions.table().amend(p, w.loop.wall(), [](model::Session &s) {
        s.protocol = model::Protocol::rtmp;
        s.owner_pid = getpid();
    });
    std::string param = "ks=" + w.tickets.make(p);
    assert_text(w.hook(Event::publish, "r1", param, kRtmp), "");
    w.hook(Event::unpublish, "r1", param, kRtmp);
    w.hook(Event::close, "r1", "", kRtmp);
    assert_true(w.publisher().has_value());
    assert_text(w.hook(Event::publish, "r2", param, kRtmp), "");
    assert_text(w.find(p).srs_client.view(), "r2");
    w.sessions.release(p, model::EndReason::client);
    assert_text(w.hook(Event::publish, "r3", param, kRtmp), "unauthorized");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_good_for_one_client),
        cmocka_unit_test(webrtc_without_a_ticket_gets_nowhere),
        cmocka_unit_test(a_ticket_of_another_kind),
        cmocka_unit_test(rtmp_and_srt_bring_a_credential),
        cmocka_unit_test(names_that_srs_reads_otherwise),
        cmocka_unit_test(which_node_calls),
        cmocka_unit_test(players_at_another_node_are_refused),
        cmocka_unit_test(a_session_is_one_client),
        cmocka_unit_test(viewers_are_counted_once),
        cmocka_unit_test(ending_a_session_ends_its_client),
        cmocka_unit_test(the_end_is_told_until_it_is_heard),
        cmocka_unit_test(a_takeover_frees_the_name_first),
        cmocka_unit_test(a_takeover_waits_for_the_name),
        cmocka_unit_test(a_relay_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
