#include "support.h"

#include "gate/placement.h"

#include <set>

using namespace ks;
using namespace ks::test;
using model::Action;
using model::EndReason;
using model::Status;

namespace {

Status status(GateWorld &w) {
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    return model::status_of(true, live ? &*live : nullptr, w.loop.wall());
}

void a_publisher_comes_and_goes(void **) {
    GateWorld w;
    Encoder obs(w);
    gate::RtmpVerdict v = obs.ask(w.id.str(), "key=" + w.key());
    assert_text(code_name(v.code), "allow");
    assert_text(v.stream, w.id.view());
    assert_true(is_id(prefix::kSession, v.session));
    assert_int_equal(status(w), Status::connecting);
    obs.media();
    assert_int_equal(status(w), Status::active);
    obs.rtmp.reset();
    assert_int_equal(status(w), Status::reconnecting);
    w.host.ahead += 31 * kSecond;
    w.sessions.table().sweep(w.loop.wall());
    assert_int_equal(status(w), Status::idle);
}

// All the ways in which encoders let people write the key.
void the_forms_of_a_name(void **) {
    GateWorld w;
    std::string key = w.key();
    struct Row {
        std::string name;
        std::string args;
    };
    const Row rows[] = {
        {key, ""},
        {w.id.str(), "key=" + key},
        {w.id.str(), "token=" + key},
        {w.id.str() + "?key=" + key, ""},
        {w.id.str(), "x=1&key=" + key + "&y=2"},
    };
    for (const Row &row : rows) {
        Encoder e(w);
        assert_row(row.name, e.ask(row.name, row.args).code == Code::ok);
    }
    for (const Row &row : std::vector<Row>{{w.id.str(), "key=a&key=" + key},
                                           {"", "key="},
                                           {w.id.str() + "/../x", ""},
                                           {w.id.str(), ""}}) {
        Encoder e(w);
        gate::RtmpVerdict v = e.ask(row.name, row.args);
        assert_row(row.name, v.code == Code::unauthorized);
        assert_text(v.status, "NetStream.Publish.BadName");
        assert_has(v.text, "key");
    }
}

void no_refusal_shows_the_key(void **) {
    GateWorld w;
    std::string other(w.stream(w.owner.id).key.reveal());
    Encoder e(w);
    gate::RtmpVerdict v = e.ask(w.id.str(), "key=" + other);
    assert_text(code_name(v.code), "wrong_stream");
    assert_true(v.text.find(other) == std::string::npos);
}

void the_same_key_takes_over(void **) {
    GateWorld w;
    Encoder first(w);
    first.ask(w.id.str(), "key=" + w.key());
    first.media();
    Encoder second(w);
    gate::RtmpVerdict v = second.ask(w.id.str(), "key=" + w.key());
    assert_text(code_name(v.code), "allow");
    assert_int_equal(first.kicked, EndReason::replaced);
    auto now = w.sessions.table().publisher_of(w.id, w.loop.wall());
    assert_true(now.has_value());
    assert_text(now->id.view(), v.session);
    // the end of the first does not end the second
    assert_int_equal(status(w), Status::connecting);
}

void another_token_does_not_take_over(void **) {
    GateWorld w;
    Encoder first(w);
    first.ask(w.id.str(), "key=" + w.key());
    std::string token = w.token(model::TokenKind::publish);
    Encoder second(w);
    gate::RtmpVerdict v = second.ask(w.id.str(), "token=" + token);
    assert_text(code_name(v.code), "already_publishing");
    assert_int_equal(first.kicked, EndReason::none);

    store::StreamPatch replace;
    replace.takeover = model::Takeover::replace;
    w.change(replace);
    Encoder third(w);
    v = third.ask(w.id.str(), "token=" + token);
    assert_text(code_name(v.code), "allow");
    assert_int_equal(first.kicked, EndReason::replaced);

    store::StreamPatch reject;
    reject.takeover = model::Takeover::reject;
    w.change(reject);
    Encoder fourth(w);
    v = fourth.ask(w.id.str(), "token=" + token);
    assert_text(code_name(v.code), "already_publishing");
}

void a_kick_reaches_the_holder_once(void **) {
    GateWorld w;
    Encoder e(w);
    e.ask(w.id.str(), "key=" + w.key());
    e.media();
    assert_int_equal(w.sessions.end_stream(w.id, EndReason::disabled), 1);
    w.until([&] { return e.kicked != EndReason::none; });
    assert_int_equal(e.kicked, EndReason::disabled);
    assert_int_equal(w.sessions.end_stream(w.id, EndReason::disabled), 0);
    assert_int_equal(status(w), Status::idle); // no window after a kick
}

void a_single_use_is_spent_by_success(void **) {
    GateWorld w;
    std::string once = w.token(model::TokenKind::publish, 1);
    {
        Encoder e(w);
        assert_text(code_name(e.ask("cam1", "token=" + once).code),
                    "wrong_stream");
    }
    {
        Encoder e(w);
        assert_text(code_name(e.ask(w.id.str(), "token=" + once).code),
                    "allow");
    }
    w.sessions.end_stream(w.id, EndReason::kicked);
    Encoder again(w);
    assert_text(code_name(again.ask(w.id.str(), "token=" + once).code),
                "token_revoked");
}

void a_player_needs_a_live_stream_and_counts(void **) {
    GateWorld w;
    Encoder early(w);
    gate::RtmpVerdict v = early.ask(w.id.str(), "", Action::play);
    assert_text(code_name(v.code), "not_live");
    assert_text(v.status, "NetStream.Play.Failed");

    Encoder obs(w);
    obs.ask(w.id.str(), "key=" + w.key());
    obs.media();
    {
        Encoder player(w);
        v = player.ask(w.id.str(), "", Action::play);
        assert_text(code_name(v.code), "allow");
        auto live = w.sessions.table().find_live(w.id, w.loop.wall());
        assert_int_equal(live->viewers, 1);
    }
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_int_equal(live->viewers, 0);
}

// Many at once, none of them waiting for the others: one gets in.
void one_of_many_gets_in(void **) {
    GateWorld w;
    store::StreamPatch reject;
    reject.takeover = model::Takeover::reject;
    w.change(reject);
    std::vector<std::unique_ptr<Encoder>> crowd;
    std::vector<rt::Task<gate::RtmpVerdict>> asking;
    for (int i = 0; i < 50; i++) {
        crowd.push_back(std::make_unique<Encoder>(w));
        auto request =
            Encoder::request(w.id.str(), "key=" + w.key(), Action::publish);
        asking.push_back(crowd.back()->rtmp->ask(std::move(request)));
        asking.back().start();
    }
    w.until([&] {
        return std::all_of(asking.begin(), asking.end(),
                           [](auto &t) { return t.done(); });
    });
    int in = 0;
    for (auto &t : asking) {
        gate::RtmpVerdict v = t.take();
        in += v.code == Code::ok ? 1 : 0;
        assert_true(v.code == Code::ok || v.code == Code::already_publishing);
    }
    assert_int_equal(in, 1);
}

// A token without a use left does not cost the running one its place.
void who_cannot_pay_replaces_nobody(void **) {
    GateWorld w;
    store::StreamPatch replace;
    replace.takeover = model::Takeover::replace;
    w.change(replace);
    std::string once = w.token(model::TokenKind::publish, 1);
    Sha256 hash = sha256(once);
    model::TokenFacts fresh = *w.run(w.store->tokens().facts(hash));
    {
        Encoder e(w);
        assert_text(code_name(e.ask(w.id.str(), "token=" + once).code),
                    "allow");
    }
    Encoder first(w);
    assert_text(code_name(first.ask(w.key()).code), "allow");
    // as a worker sees it that has not heard of the use yet
    w.memory.zone().tokens().put(hash, fresh, w.loop.now(),
                                 w.loop.now() + kMinute);
    Encoder second(w);
    assert_text(code_name(second.ask(w.id.str(), "token=" + once).code),
                "token_revoked");
    assert_int_equal(first.kicked, EndReason::none);
    auto now = w.sessions.table().publisher_of(w.id, w.loop.wall());
    assert_true(now.has_value());
}

void leaving_while_it_waits_leaves_nothing(void **) {
    GateWorld w;
    w.memory.zone().invalidate_all();
    {
        Encoder e(w);
        auto request =
            Encoder::request(w.id.str(), "key=" + w.key(), Action::publish);
        auto asking = e.rtmp->ask(std::move(request));
        assert_false(asking.start());
    }
    assert_int_equal(status(w), Status::idle);
    Encoder next(w);
    assert_text(code_name(next.ask(w.key()).code), "allow");
}

void add_nodes(GateWorld &w, std::initializer_list<const char *> names) {
    for (const char *name : names) {
        conf::SrsNode node;
        node.name = name;
        w.config.srs_nodes.push_back(std::move(node));
    }
}

gate::RtmpVerdict ask_with_relay(GateWorld &w, Encoder &e,
                                 Action action = Action::publish) {
    auto request = Encoder::request(w.id.str(), "key=" + w.key(), action);
    request.relay = true;
    return w.run(e.rtmp->ask(std::move(request)));
}

void a_relay_goes_to_the_node_of_the_stream(void **) {
    GateWorld w;
    add_nodes(w, {"srs_a", "srs_b", "srs_c"});
    std::set<std::string> used;
    for (int i = 0; i < 40; i++) {
        store::CreatedStream made = w.stream(w.owner.id);
        gate::Decision decision;
        decision.stream.id = made.stream.id;
        std::string node(
            gate::place(w.config, w.memory.zone(), decision, Action::publish));
        used.insert(node);

        Encoder e(w);
        auto request = Encoder::request(std::string(made.key.reveal()), "",
                                        Action::publish);
        request.relay = true;
        gate::RtmpVerdict v = w.run(e.rtmp->ask(std::move(request)));
        assert_text(code_name(v.code), "allow");
        auto target = e.rtmp->relay();
        assert_true(target.has_value());
        assert_text(target->node, node);
        auto live = w.sessions.table().find_live(made.stream.id, w.loop.wall());
        assert_text(live->node.view(), node);
        auto session = w.sessions.table().find(Id(v.session), w.loop.wall());
        assert_text(session->node.view(), node);
    }
    assert_int_equal(used.size(), 3);
}

// What SRS logs and shows must be of no use to whoever reads it there.
void a_relay_carries_the_public_id_and_a_ticket(void **) {
    GateWorld w;
    add_nodes(w, {"srs_a"});
    Encoder e(w);
    gate::RtmpVerdict v = ask_with_relay(w, e);
    auto target = e.rtmp->relay();
    assert_true(target.has_value());
    assert_text(target->app, "live");
    std::string_view name = target->name;
    std::string head = w.id.str() + "?ks=";
    assert_true(name.starts_with(head));
    auto sessions = w.tickets.read(name.substr(head.size()));
    assert_int_equal(sessions.size(), 1);
    assert_text(sessions[0].view(), v.session);
    assert_true(name.find(w.key()) == std::string::npos);
    assert_true(name.find(v.session.substr(4)) == std::string::npos);
}

void who_does_not_relay_is_on_no_node(void **) {
    GateWorld w;
    add_nodes(w, {"srs_a"});
    Encoder obs(w);
    assert_text(code_name(obs.ask(w.key()).code), "allow");
    assert_false(obs.rtmp->relay().has_value());
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_text(live->node.view(), "");
    obs.media();

    Encoder player(w);
    gate::RtmpVerdict v = ask_with_relay(w, player, Action::play);
    assert_text(code_name(v.code), "allow");
    assert_false(player.rtmp->relay().has_value());
}

// HLS and RTMP of this nginx work without any node; the relay follows.
void a_node_may_come_later(void **) {
    GateWorld w;
    Encoder e(w);
    gate::RtmpVerdict v = ask_with_relay(w, e);
    assert_text(code_name(v.code), "allow");
    assert_false(e.rtmp->relay().has_value());
    add_nodes(w, {"srs_a"});
    auto target = e.rtmp->relay();
    assert_true(target.has_value());
    assert_text(target->node, "srs_a");
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_text(live->node.view(), "srs_a");
    auto session = w.sessions.table().find(Id(v.session), w.loop.wall());
    assert_text(session->node.view(), "srs_a");
}

// What comes for the stream after that is sent there, too.
void a_relay_moves_to_another_node(void **) {
    GateWorld w;
    add_nodes(w, {"srs_a", "srs_b"});
    Encoder e(w);
    gate::RtmpVerdict v = ask_with_relay(w, e);
    std::string first = e.rtmp->relay()->node;
    assert_text(e.rtmp->relay()->node, first);
    std::erase_if(w.config.srs_nodes,
                  [&](const conf::SrsNode &n) { return n.name == first; });
    auto target = e.rtmp->relay();
    assert_true(target.has_value());
    assert_true(target->node != first);
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_text(live->node.view(), target->node);
    auto session = w.sessions.table().find(Id(v.session), w.loop.wall());
    assert_text(session->node.view(), target->node);
}

void a_late_attempt_moves_no_stream(void **) {
    GateWorld w;
    Encoder e(w);
    gate::RtmpVerdict v = ask_with_relay(w, e);
    Id session(v.session);
    w.sessions.table().close(session, EndReason::kicked, w.loop.wall());
    add_nodes(w, {"srs_a"});
    assert_false(e.rtmp->relay().has_value());
    auto live = w.sessions.table().find_live(w.id, w.loop.wall());
    assert_text(live->node.view(), "");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_publisher_comes_and_goes),
        cmocka_unit_test(the_forms_of_a_name),
        cmocka_unit_test(no_refusal_shows_the_key),
        cmocka_unit_test(the_same_key_takes_over),
        cmocka_unit_test(another_token_does_not_take_over),
        cmocka_unit_test(a_kick_reaches_the_holder_once),
        cmocka_unit_test(a_single_use_is_spent_by_success),
        cmocka_unit_test(a_player_needs_a_live_stream_and_counts),
        cmocka_unit_test(one_of_many_gets_in),
        cmocka_unit_test(who_cannot_pay_replaces_nobody),
        cmocka_unit_test(leaving_while_it_waits_leaves_nothing),
        cmocka_unit_test(a_relay_goes_to_the_node_of_the_stream),
        cmocka_unit_test(a_relay_carries_the_public_id_and_a_ticket),
        cmocka_unit_test(who_does_not_relay_is_on_no_node),
        cmocka_unit_test(a_node_may_come_later),
        cmocka_unit_test(a_relay_moves_to_another_node),
        cmocka_unit_test(a_late_attempt_moves_no_stream),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
