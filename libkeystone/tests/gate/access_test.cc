#include "support.h"

using namespace ks;
using namespace ks::test;
using model::Action;
using model::Protocol;

namespace {

void the_key_publishes_and_names_its_stream(void **) {
    GateWorld w;
    std::string key = w.key();
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::ok);
    assert_int_equal(w.ask(Action::publish, "", key), Code::ok);
}

void strangers_learn_nothing(void **) {
    GateWorld w;
    store::StreamPatch hide;
    hide.visibility = model::Visibility::private_;
    w.change(hide);
    for (std::string_view bad :
         {"", " ", "undefined", "ks_pub_wrong", "x", "ks_play_"}) {
        Code there = w.ask(Action::play, w.id.view(), bad);
        Code nowhere = w.ask(Action::play, "str_0000000000000000000000", bad);
        Code no_name = w.ask(Action::play, "cam1", bad);
        assert_int_equal(there, Code::unauthorized);
        assert_int_equal(nowhere, there);
        assert_int_equal(no_name, there);
    }
}

void a_token_of_another_stream_is_refused(void **) {
    GateWorld w;
    auto other = w.stream(w.owner.id, "other");
    std::string key(other.key.reveal());
    assert_int_equal(w.ask(Action::publish, w.id.view(), key),
                     Code::wrong_stream);
    std::string play = w.token(model::TokenKind::play);
    assert_int_equal(w.ask(Action::publish, w.id.view(), play),
                     Code::forbidden);
}

void a_warm_cache_needs_no_store(void **) {
    GateWorld w;
    std::string key = w.key();
    gate::Question q;
    q.action = Action::publish;
    q.protocol = Protocol::rtmp;
    q.stream = w.id.view();
    q.credential = key;
    // a change took the facts out of the cache; the first question fills it
    w.memory.zone().invalidate_all();
    gate::Decision d;
    assert_false(w.access.warm(q, d));
    assert_true(w.run(w.access.authorize(q)).allowed());
    d = {};
    assert_true(w.access.warm(q, d));
    assert_true(d.allowed());

    // junk never reaches the store
    q.credential = "not a token at all";
    d = {};
    assert_true(w.access.warm(q, d));
    assert_false(d.allowed());
}

void what_the_store_cannot_say_is_counted(void **) {
    GateWorld w;
    std::string key = w.key();
    auto counted = [&](Code code) {
        return w.memory.zone().counters().decisions(Protocol::rtmp,
                                                    Action::publish, code);
    };
    w.memory.zone().invalidate_all();
    w.host.full = rt::Pool::store;
    Code code = w.ask(Action::publish, w.id.view(), key);
    assert_int_not_equal(code, Code::ok);
    assert_int_equal(counted(code), 1);
    assert_int_equal(counted(Code::ok), 0);
    w.host.full.reset();
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::ok);
    assert_int_equal(counted(Code::ok), 1);
}

void a_revocation_is_felt_at_once(void **) {
    GateWorld w;
    std::string key = w.key();
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::ok);
    auto again = w.run(w.store->streams().reset_key(w.id));
    assert_true(again.ok());
    assert_int_equal(w.ask(Action::publish, w.id.view(), key),
                     Code::token_revoked);
    assert_int_equal(w.ask(Action::publish, w.id.view(), again->key.reveal()),
                     Code::ok);
    auto off = w.run(w.store->streams().set_enabled(w.id, false));
    assert_true(off.ok());
    assert_int_equal(w.ask(Action::publish, w.id.view(), again->key.reveal()),
                     Code::stream_disabled);
    auto gone = w.run(w.store->streams().remove(w.id));
    assert_true(gone.ok());
    assert_int_equal(w.ask(Action::publish, w.id.view(), again->key.reveal()),
                     Code::unauthorized);
}

void a_ban_keeps_a_credential_or_an_address_out(void **) {
    GateWorld w;
    std::string key = w.key();
    zone::Zone &zone = w.memory.zone();
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::ok);
    zone.ban(w.id.view(), "192.0.2.1", w.loop.now(), kMinute);
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::banned);
    zone.unban(w.id.view(), "192.0.2.1");
    assert_int_equal(w.ask(Action::publish, w.id.view(), key), Code::ok);
    w.host.ahead += 2 * kMinute;
}

void every_refusal_has_a_text_for_a_person(void **) {
    for (int i = 1; i < static_cast<int>(Code::count_); i++) {
        std::string text = gate::explain(static_cast<Code>(i), "str_x");
        assert_true(text.size() > 5 && text.ends_with('.'));
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_key_publishes_and_names_its_stream),
        cmocka_unit_test(strangers_learn_nothing),
        cmocka_unit_test(a_token_of_another_stream_is_refused),
        cmocka_unit_test(a_warm_cache_needs_no_store),
        cmocka_unit_test(what_the_store_cannot_say_is_counted),
        cmocka_unit_test(a_revocation_is_felt_at_once),
        cmocka_unit_test(a_ban_keeps_a_credential_or_an_address_out),
        cmocka_unit_test(every_refusal_has_a_text_for_a_person),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
