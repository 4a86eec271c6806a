// Names, facts, presented tokens, the status of a stream.
#include "model/live.h"
#include "model/policy.h"
#include "model/user.h"

#include "../support/test.h"

#include <type_traits>

using namespace ks;
using namespace ks::model;

static_assert(std::is_trivially_copyable_v<StreamFacts>);
static_assert(std::is_trivially_copyable_v<TokenFacts>);
static_assert(std::is_trivially_copyable_v<Live>);
static_assert(std::is_trivially_copyable_v<Session>);

template <class E, class Parse>
static void round_trip(std::initializer_list<const char *> words, Parse parse) {
    int i = 0;
    for (const char *word : words) {
        auto value = static_cast<E>(i++);
        assert_text(name(value), word);
        assert_row(word, parse(word) == std::optional<E>(value));
    }
    // One past the end has neither a name nor a place in the table.
    assert_text(name(static_cast<E>(i)), "unknown");
    assert_text(name(static_cast<E>(255)), "unknown");
    assert_false(parse("").has_value());
    assert_false(parse("unknown").has_value());
    assert_false(parse("Public").has_value());
}

static void words_of_the_wire(void **) {
    round_trip<Visibility>({"public", "unlisted", "private"}, parse_visibility);
    round_trip<Takeover>({"same_credential", "reject", "replace"},
                         parse_takeover);
    round_trip<Status>(
        {"idle", "connecting", "active", "reconnecting", "disabled"},
        parse_status);
    round_trip<Action>({"publish", "play"}, parse_action);
    round_trip<Protocol>({"whip", "whep", "rtmp", "srt", "hls", "flv"},
                         parse_protocol);
    round_trip<SessionState>({"connecting", "active", "closed"},
                             parse_session_state);
    round_trip<TokenKind>({"publish", "play"}, parse_token_kind);
    round_trip<Role>({"user", "admin"}, parse_role);
}

static void an_end_has_a_reason_or_none(void **) {
    assert_text(name(EndReason::none), "");
    assert_false(parse_end_reason("").has_value());
    assert_text(name(EndReason::timeout), "timeout");
    assert_true(parse_end_reason("kicked") == EndReason::kicked);
    assert_text(name(static_cast<EndReason>(9)), "unknown");
}

static void a_token_tells_its_kind(void **) {
    assert_text(wire_prefix(TokenKind::publish), "ks_pub_");
    assert_text(wire_prefix(TokenKind::play), "ks_play_");
}

static void facts_of_a_stream(void **) {
    Stream s;
    s.id = Id("str_1");
    s.owner_id = Id("usr_1");
    s.visibility = Visibility::public_;
    s.enabled = false;
    s.takeover = Takeover::replace;
    s.max_viewers = 7;
    s.reconnect_window_seconds = 12;
    s.allowed_origins = {"https://a.example", "https://b.example"};
    StreamFacts f = facts_of(s);
    assert_true(f.exists);
    assert_true(f.id == s.id);
    assert_true(f.owner_id == s.owner_id);
    assert_true(f.visibility == Visibility::public_);
    assert_false(f.enabled);
    assert_true(f.takeover == Takeover::replace);
    assert_int_equal(f.max_viewers, 7);
    assert_int_equal(f.reconnect_window_seconds, 12);
    assert_text(f.allowed_origins.view(),
                "https://a.example https://b.example");
}

static void facts_of_a_token(void **) {
    Token t;
    t.id = Id("tok_1");
    t.stream_id = Id("str_1");
    t.kind = TokenKind::publish;
    t.stream_key = true;
    t.max_uses = 3;
    t.uses = 2;
    t.expires_at = 11;
    t.revoked_at = 12;
    t.viewer_ref = "ticket 9";
    t.allowed_ips = {"10.0.0.0/8", "::1"};
    TokenFacts f = facts_of(t);
    assert_true(f.exists);
    assert_true(f.id == t.id);
    assert_true(f.stream_id == t.stream_id);
    assert_true(f.kind == TokenKind::publish);
    assert_true(f.stream_key);
    assert_int_equal(f.max_uses, 3);
    assert_int_equal(f.uses, 2);
    assert_int_equal(f.expires_at, 11);
    assert_int_equal(f.revoked_at, 12);
    assert_text(f.viewer_ref.view(), "ticket 9");
    assert_text(f.allowed_ips.view(), "10.0.0.0/8 ::1");
    assert_text(f.allowed_origins.view(), "");
}

// Cut at 255 bytes, ".example.org" would become ".example".
static void a_list_too_long_is_never_any(void **) {
    Stream s;
    s.allowed_origins = {"https://" + std::string(300, 'a')};
    assert_text(facts_of(s).allowed_origins.view(), "-");
    s.allowed_origins.push_back("https://b.example");
    assert_text(facts_of(s).allowed_origins.view(), "https://b.example");
    s.allowed_origins = {""};
    assert_text(facts_of(s).allowed_origins.view(), "-");

    Token t;
    t.allowed_ips = std::vector<std::string>(20, "2001:db8::1:2:3/128");
    auto facts = facts_of(t);
    auto kept = facts.allowed_ips.view();
    assert_true(kept.size() <= kMaxTokenIpsText);
    assert_true(kept.ends_with("/128"));
}

static void what_a_client_presents(void **) {
    assert_true(presented_token("ks_pub_x") == "ks_pub_x");
    assert_true(presented_token("  ks_pub_x\t") == "ks_pub_x");
    assert_true(presented_token("undefined1") == "undefined1");
    for (const char *none : {"", " ", "\t \r\n", "undefined", " undefined "}) {
        assert_row(none, !presented_token(none).has_value());
    }
}

static void status_follows_what_is_live(void **) {
    Live live;
    assert_true(status_of(true, nullptr, 100) == Status::idle);
    assert_true(status_of(false, nullptr, 100) == Status::disabled);
    assert_true(status_of(true, &live, 100) == Status::idle);
    live.publisher = Id("ses_1");
    assert_true(status_of(true, &live, 100) == Status::connecting);
    live.media_at = 50;
    assert_true(status_of(true, &live, 100) == Status::active);
    assert_true(status_of(false, &live, 100) == Status::disabled);
    live.publisher = Id();
    live.window_until = 101;
    assert_true(status_of(true, &live, 100) == Status::reconnecting);
    assert_true(status_of(true, &live, 101) == Status::idle);
}

static void playable_while_there_are_pictures(void **) {
    assert_true(is_playable(Status::active));
    assert_true(is_playable(Status::reconnecting));
    assert_false(is_playable(Status::idle));
    assert_false(is_playable(Status::connecting));
    assert_false(is_playable(Status::disabled));
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(words_of_the_wire),
        cmocka_unit_test(an_end_has_a_reason_or_none),
        cmocka_unit_test(a_token_tells_its_kind),
        cmocka_unit_test(facts_of_a_stream),
        cmocka_unit_test(facts_of_a_token),
        cmocka_unit_test(a_list_too_long_is_never_any),
        cmocka_unit_test(what_a_client_presents),
        cmocka_unit_test(status_follows_what_is_live),
        cmocka_unit_test(playable_while_there_are_pictures),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
