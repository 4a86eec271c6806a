// decide(): one row for each line of the comment in policy.h, then sweeps over
// everything that may come together.
#include "model/policy.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::model;

namespace {

constexpr WallMs kNow = 1'700'000'000'000;

StreamFacts stream_is(Visibility visibility) {
    StreamFacts s;
    s.id = Id("str_1");
    s.owner_id = Id("usr_1");
    s.exists = true;
    s.enabled = true;
    s.visibility = visibility;
    return s;
}

StreamFacts no_stream() {
    StreamFacts s;
    s.id = Id("str_1");
    return s;
}

TokenFacts token_is(TokenKind kind) {
    TokenFacts t;
    t.id = Id("tok_1");
    t.stream_id = Id("str_1");
    t.exists = true;
    t.kind = kind;
    return t;
}

Live live_with(std::string_view token, bool media = true) {
    Live l;
    l.stream_id = Id("str_1");
    l.publisher = Id("ses_1");
    l.publisher_token = Id(token);
    l.started_at = kNow - 5000;
    l.media_at = media ? kNow - 4000 : 0;
    return l;
}

Live window_of(std::string_view token, WallMs until) {
    Live l = live_with(token);
    l.publisher = Id();
    l.window_until = until;
    return l;
}

Ask ask_for(Action action, Protocol protocol) {
    Ask a;
    a.action = action;
    a.protocol = protocol;
    a.client_ip = "192.0.2.7";
    a.now = kNow;
    return a;
}

// What a row changes before decide() is asked.
struct Case {
    StreamFacts stream;
    TokenFacts token;
    std::optional<Live> live;
    Ask ask;
};

struct Row {
    const char *name;
    void (*change)(Case &);
    Code code;
    bool replaces = false;
    int retry_after_s = 0;
};

void run(const Row &row, Case base) {
    row.change(base);
    Verdict v = decide(base.stream, base.token,
                       base.live ? &*base.live : nullptr, base.ask);
    if (v.code != row.code) {
        print_error("decided %s\n", code_name(v.code).data());
    }
    assert_row(row.name, v.code == row.code);
    assert_row(row.name, v.allowed() == (row.code == Code::ok));
    assert_row(row.name, v.replaces == row.replaces);
    assert_row(row.name, v.retry_after_s == row.retry_after_s);
}

// A good publish token, a private stream, nobody there.
Case publishing() {
    Case c{stream_is(Visibility::private_), token_is(TokenKind::publish),
           std::nullopt, ask_for(Action::publish, Protocol::whip)};
    c.ask.has_credential = true;
    return c;
}

// A viewer without a credential at a live public stream.
Case playing() {
    return {stream_is(Visibility::public_), TokenFacts{}, live_with("tok_9"),
            ask_for(Action::play, Protocol::hls)};
}

// A good play token at a live private stream.
Case playing_private() {
    Case c = playing();
    c.stream = stream_is(Visibility::private_);
    c.token = token_is(TokenKind::play);
    c.ask.has_credential = true;
    return c;
}

// What is wrong with a token, for publish and play alike.
const Row kTokenRows[] = {
    {"good", [](Case &) {}, Code::ok},
    {"unknown", [](Case &c) { c.token = TokenFacts{}; }, Code::unauthorized},
    {"revoked", [](Case &c) { c.token.revoked_at = kNow - 1; },
     Code::token_revoked},
    {"expires now", [](Case &c) { c.token.expires_at = kNow; },
     Code::token_expired},
    {"expires in a millisecond", [](Case &c) { c.token.expires_at = kNow + 1; },
     Code::ok},
    {"revoked before expired",
     [](Case &c) {
         c.token.revoked_at = kNow - 1;
         c.token.expires_at = kNow - 2;
     },
     Code::token_revoked},
    {"of another stream", [](Case &c) { c.token.stream_id = Id("str_2"); },
     Code::wrong_stream},
    {"of another stream, and this one does not exist",
     [](Case &c) {
         c.token.stream_id = Id("str_2");
         c.stream = no_stream();
     },
     Code::wrong_stream},
    {"of no stream",
     [](Case &c) {
         c.token.stream_id = Id();
         c.stream.id = Id();
     },
     Code::wrong_stream},
    {"of a stream that is gone", [](Case &c) { c.stream = no_stream(); },
     Code::not_found},
    {"one use left",
     [](Case &c) {
         c.token.max_uses = 2;
         c.token.uses = 1;
     },
     Code::ok},
    {"spent",
     [](Case &c) {
         c.token.max_uses = 1;
         c.token.uses = 1;
     },
     Code::token_revoked},
    {"spent by this very session",
     [](Case &c) {
         c.token.max_uses = 1;
         c.token.uses = 1;
         c.ask.in_session = true;
     },
     Code::ok},
    {"revoked while in session",
     [](Case &c) {
         c.token.revoked_at = kNow;
         c.ask.in_session = true;
     },
     Code::token_revoked},
    {"its address", [](Case &c) { c.token.allowed_ips.assign("192.0.2.0/24"); },
     Code::ok},
    {"another address",
     [](Case &c) { c.token.allowed_ips.assign("198.51.100.0/24 2001:db8::1"); },
     Code::ip_not_allowed},
    {"its origin",
     [](Case &c) {
         c.token.allowed_origins.assign("https://a.example");
         c.ask.origin = "https://a.example";
     },
     Code::ok},
    {"another origin",
     [](Case &c) {
         c.token.allowed_origins.assign("https://a.example");
         c.ask.origin = "https://a.example.org";
     },
     Code::origin_not_allowed},
    {"an origin, but over WebRTC none was sent",
     [](Case &c) {
         c.token.allowed_origins.assign("https://a.example");
         c.ask.protocol = Protocol::whep;
     },
     Code::origin_not_allowed},
    {"an origin, but over RTMP there is none",
     [](Case &c) {
         c.token.allowed_origins.assign("https://a.example");
         c.ask.protocol = Protocol::rtmp;
     },
     Code::origin_not_allowed},
    {"an origin, and a page of the own host sends none over HLS",
     [](Case &c) {
         c.token.allowed_origins.assign("https://a.example");
         c.ask.protocol = Protocol::hls;
     },
     Code::ok},
    {"address before origin",
     [](Case &c) {
         c.token.allowed_ips.assign("198.51.100.1");
         c.token.allowed_origins.assign("https://a.example");
         c.ask.origin = "https://b.example";
     },
     Code::ip_not_allowed},
    {"bad token before disabled",
     [](Case &c) {
         c.token = TokenFacts{};
         c.stream.enabled = false;
     },
     Code::unauthorized},
    {"disabled", [](Case &c) { c.stream.enabled = false; },
     Code::stream_disabled},
    {"disabled while in session",
     [](Case &c) {
         c.stream.enabled = false;
         c.ask.in_session = true;
     },
     Code::stream_disabled},
};

void a_token_is_judged_for_publish(void **) {
    for (const Row &row : kTokenRows) {
        run(row, publishing());
    }
}

void a_token_is_judged_for_play(void **) {
    for (const Row &row : kTokenRows) {
        run(row, playing_private());
    }
}

void a_token_is_judged_where_none_is_needed(void **) {
    for (const Row &row : kTokenRows) {
        Case c = playing_private();
        c.stream.visibility = Visibility::public_;
        run(row, c);
    }
}

void publish_needs_a_publish_token(void **) {
    const Row rows[] = {
        {"none", [](Case &c) { c.ask.has_credential = false; },
         Code::unauthorized},
        {"none, and no such stream",
         [](Case &c) {
             c.ask.has_credential = false;
             c.stream = no_stream();
         },
         Code::unauthorized},
        {"the owner's access token alone",
         [](Case &c) {
             c.ask.has_credential = false;
             c.ask.is_owner = true;
         },
         Code::unauthorized},
        {"a play token", [](Case &c) { c.token = token_is(TokenKind::play); },
         Code::forbidden},
        {"an expired play token",
         [](Case &c) {
             c.token = token_is(TokenKind::play);
             c.token.expires_at = kNow - 1;
         },
         Code::token_expired},
        {"another stream's play token",
         [](Case &c) {
             c.token = token_is(TokenKind::play);
             c.token.stream_id = Id("str_2");
         },
         Code::forbidden},
        {"none, at a public stream",
         [](Case &c) {
             c.ask.has_credential = false;
             c.stream.visibility = Visibility::public_;
         },
         Code::unauthorized},
        {"the stream's origins are for players",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://b.example";
         },
         Code::ok},
    };
    for (const Row &row : rows) {
        run(row, publishing());
    }
}

void a_second_publisher_meets_the_takeover_rule(void **) {
    const Row rows[] = {
        {"nobody, known", [](Case &c) { c.live = Live{}; }, Code::ok},
        {"same_credential, the same",
         [](Case &c) { c.live = live_with("tok_1"); }, Code::ok, true},
        {"same_credential, the same, no media yet",
         [](Case &c) { c.live = live_with("tok_1", false); }, Code::ok, true},
        {"same_credential, another",
         [](Case &c) { c.live = live_with("tok_2"); }, Code::already_publishing,
         false, 5},
        {"same_credential, without any known",
         [](Case &c) { c.live = live_with(""); }, Code::already_publishing,
         false, 5},
        {"reject, the same",
         [](Case &c) {
             c.stream.takeover = Takeover::reject;
             c.live = live_with("tok_1");
         },
         Code::already_publishing, false, 5},
        {"reject, another",
         [](Case &c) {
             c.stream.takeover = Takeover::reject;
             c.live = live_with("tok_2");
         },
         Code::already_publishing, false, 5},
        {"replace, the same",
         [](Case &c) {
             c.stream.takeover = Takeover::replace;
             c.live = live_with("tok_1");
         },
         Code::ok, true},
        {"replace, another",
         [](Case &c) {
             c.stream.takeover = Takeover::replace;
             c.live = live_with("tok_2");
         },
         Code::ok, true},
        {"the session itself, asked again by the media server",
         [](Case &c) {
             c.stream.takeover = Takeover::reject;
             c.live = live_with("tok_1");
             c.ask.in_session = true;
         },
         Code::ok},
        {"disabled before already publishing",
         [](Case &c) {
             c.stream.enabled = false;
             c.live = live_with("tok_2");
         },
         Code::stream_disabled},
        {"bad token before already publishing",
         [](Case &c) {
             c.token = TokenFacts{};
             c.live = live_with("tok_2");
         },
         Code::unauthorized},
    };
    for (const Row &row : rows) {
        run(row, publishing());
    }
}

void the_window_keeps_the_name_for_the_same_token(void **) {
    const Row rows[] = {
        {"same_credential, the same",
         [](Case &c) { c.live = window_of("tok_1", kNow + 9000); }, Code::ok},
        {"same_credential, another",
         [](Case &c) { c.live = window_of("tok_2", kNow + 9000); },
         Code::already_publishing, false, 9},
        {"a started second counts whole",
         [](Case &c) { c.live = window_of("tok_2", kNow + 8001); },
         Code::already_publishing, false, 9},
        {"reject, the same",
         [](Case &c) {
             c.stream.takeover = Takeover::reject;
             c.live = window_of("tok_1", kNow + 9000);
         },
         Code::ok},
        {"reject, another",
         [](Case &c) {
             c.stream.takeover = Takeover::reject;
             c.live = window_of("tok_2", kNow + 9000);
         },
         Code::already_publishing, false, 9},
        {"replace, another",
         [](Case &c) {
             c.stream.takeover = Takeover::replace;
             c.live = window_of("tok_2", kNow + 9000);
         },
         Code::ok},
        {"over, another", [](Case &c) { c.live = window_of("tok_2", kNow); },
         Code::ok},
    };
    for (const Row &row : rows) {
        run(row, publishing());
    }
}

void play_without_a_token(void **) {
    const Row rows[] = {
        {"public", [](Case &) {}, Code::ok},
        {"unlisted",
         [](Case &c) { c.stream.visibility = Visibility::unlisted; }, Code::ok},
        {"private", [](Case &c) { c.stream.visibility = Visibility::private_; },
         Code::unauthorized},
        {"private and disabled",
         [](Case &c) {
             c.stream.visibility = Visibility::private_;
             c.stream.enabled = false;
         },
         Code::unauthorized},
        {"no such stream", [](Case &c) { c.stream = no_stream(); },
         Code::unauthorized},
        {"no such stream, whatever its facts say",
         [](Case &c) {
             c.stream = stream_is(Visibility::public_);
             c.stream.exists = false;
         },
         Code::unauthorized},
        {"public and disabled", [](Case &c) { c.stream.enabled = false; },
         Code::stream_disabled},
        {"an allowed origin",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://a.example";
         },
         Code::ok},
        {"another origin",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://b.example";
         },
         Code::origin_not_allowed},
        {"an origin without a name",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "null";
         },
         Code::origin_not_allowed},
        {"no origin, so no page of another site",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.protocol = Protocol::whep;
         },
         Code::ok},
        {"disabled before origin",
         [](Case &c) {
             c.stream.enabled = false;
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://b.example";
         },
         Code::stream_disabled},
        {"origin before not live",
         [](Case &c) {
             c.live.reset();
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://b.example";
         },
         Code::origin_not_allowed},
        {"nothing live", [](Case &c) { c.live.reset(); }, Code::not_live, false,
         3},
        {"connecting", [](Case &c) { c.live = live_with("tok_9", false); },
         Code::not_live, false, 1},
        {"reconnecting", [](Case &c) { c.live = window_of("tok_9", kNow + 1); },
         Code::ok},
        {"the window is over",
         [](Case &c) { c.live = window_of("tok_9", kNow); }, Code::not_live,
         false, 3},
        {"not live in a session, too",
         [](Case &c) {
             c.live.reset();
             c.ask.in_session = true;
         },
         Code::not_live, false, 3},
        {"one place left",
         [](Case &c) {
             c.stream.max_viewers = 2;
             c.live->viewers = 1;
         },
         Code::ok},
        {"full",
         [](Case &c) {
             c.stream.max_viewers = 2;
             c.live->viewers = 2;
         },
         Code::viewer_limit, false, 30},
        {"full, but this one is inside",
         [](Case &c) {
             c.stream.max_viewers = 2;
             c.live->viewers = 2;
             c.ask.in_session = true;
         },
         Code::ok},
        {"no limit", [](Case &c) { c.live->viewers = 1'000'000; }, Code::ok},
        {"not live before full",
         [](Case &c) {
             c.stream.max_viewers = 1;
             c.live = live_with("tok_9", false);
             c.live->viewers = 1;
         },
         Code::not_live, false, 1},
    };
    for (const Row &row : rows) {
        run(row, playing());
    }
}

void the_owner_plays_without_a_token(void **) {
    const Row rows[] = {
        {"private", [](Case &) {}, Code::ok},
        {"from anywhere",
         [](Case &c) {
             c.stream.allowed_origins.assign("https://a.example");
             c.ask.origin = "https://b.example";
         },
         Code::ok},
        {"disabled", [](Case &c) { c.stream.enabled = false; },
         Code::stream_disabled},
        {"an admin hears that there is none",
         [](Case &c) { c.stream = no_stream(); }, Code::not_found},
        {"not live", [](Case &c) { c.live.reset(); }, Code::not_live, false, 3},
        {"a bad token is told even to the owner",
         [](Case &c) { c.ask.has_credential = true; }, Code::unauthorized},
    };
    for (const Row &row : rows) {
        Case c = playing();
        c.stream.visibility = Visibility::private_;
        c.ask.is_owner = true;
        run(row, c);
    }
}

void a_publish_token_plays(void **) {
    Case c = playing_private();
    c.token = token_is(TokenKind::publish);
    run({"publish token", [](Case &) {}, Code::ok}, c);
}

enum Credential { none, unknown, play, publish, other, owner, credentials };

// Says again, in other words, what may ever be allowed to play.
void nobody_else_plays(void **) {
    for (int visibility = 0; visibility < 3; visibility++) {
        for (int credential = none; credential < credentials; credential++) {
            for (int enabled = 0; enabled < 2; enabled++) {
                for (int state = 0; state < 4; state++) {
                    Case c = playing();
                    c.stream = stream_is(static_cast<Visibility>(visibility));
                    c.stream.enabled = enabled != 0;
                    c.ask.has_credential =
                        credential != none && credential != owner;
                    c.ask.is_owner = credential == owner;
                    if (credential == play || credential == publish) {
                        c.token =
                            token_is(credential == play ? TokenKind::play
                                                        : TokenKind::publish);
                    } else if (credential == other) {
                        c.token = token_is(TokenKind::play);
                        c.token.stream_id = Id("str_2");
                    }
                    c.live = state == 0   ? std::optional<Live>()
                             : state == 1 ? std::optional(live_with("t", false))
                             : state == 2
                                 ? std::optional(live_with("t"))
                                 : std::optional(window_of("t", kNow + 1));
                    Verdict v = decide(c.stream, c.token,
                                       c.live ? &*c.live : nullptr, c.ask);
                    bool may_see = credential == play ||
                                   credential == publish ||
                                   credential == owner ||
                                   (credential == none && visibility != 2);
                    assert_int_equal(v.allowed(),
                                     may_see && enabled && state >= 2);
                    // A stranger learns nothing of a private stream's state.
                    if (visibility == 2 && !may_see) {
                        assert_true(v.code == Code::unauthorized ||
                                    v.code == Code::wrong_stream);
                        assert_int_equal(v.retry_after_s, 0);
                    }
                    assert_false(v.replaces);
                }
            }
        }
    }
}

// Publishing depends on nothing of the visibility.
void nobody_else_publishes(void **) {
    for (int visibility = 0; visibility < 3; visibility++) {
        for (int credential = none; credential < credentials; credential++) {
            for (int rule = 0; rule < 3; rule++) {
                for (int state = 0; state < 3; state++) {
                    Case c = publishing();
                    c.stream = stream_is(static_cast<Visibility>(visibility));
                    c.stream.takeover = static_cast<Takeover>(rule);
                    c.ask.has_credential =
                        credential != none && credential != owner;
                    c.ask.is_owner = credential == owner;
                    c.token = credential == publish
                                  ? token_is(TokenKind::publish)
                              : credential == play ? token_is(TokenKind::play)
                                                   : TokenFacts{};
                    if (credential == other) {
                        c.token = token_is(TokenKind::publish);
                        c.token.stream_id = Id("str_2");
                    }
                    const char *holder = state == 1 ? "tok_1" : "tok_2";
                    if (state > 0) {
                        c.live = live_with(holder);
                    }
                    Verdict v = decide(c.stream, c.token,
                                       c.live ? &*c.live : nullptr, c.ask);
                    bool free =
                        state == 0 || rule == 2 || (rule == 0 && state == 1);
                    assert_int_equal(v.allowed(),
                                     credential == publish && free);
                    assert_int_equal(v.replaces, v.allowed() && state > 0);
                }
            }
        }
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_judged_for_publish),
        cmocka_unit_test(a_token_is_judged_for_play),
        cmocka_unit_test(a_token_is_judged_where_none_is_needed),
        cmocka_unit_test(publish_needs_a_publish_token),
        cmocka_unit_test(a_second_publisher_meets_the_takeover_rule),
        cmocka_unit_test(the_window_keeps_the_name_for_the_same_token),
        cmocka_unit_test(play_without_a_token),
        cmocka_unit_test(the_owner_plays_without_a_token),
        cmocka_unit_test(a_publish_token_plays),
        cmocka_unit_test(nobody_else_plays),
        cmocka_unit_test(nobody_else_publishes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
