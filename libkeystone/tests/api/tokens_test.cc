// Tokens: make, list, revoke.
#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

struct Show : ApiWorld {
    std::string admin = new_user("admin@x.test");
    std::string ann = new_user("ann@x.test");
    std::string bob = new_user("bob@x.test");
    std::string id = post("/v1/streams", R"({"title":"Show"})", ann).text("id");
    std::string tokens = "/v1/streams/" + id + "/tokens";
};

void a_play_token_comes_with_its_urls(void **) {
    Show w;
    Answer a = w.post(w.tokens, R"({"kind":"play","ttl_seconds":60,
        "label":"press","viewer_ref":"v1","allowed_ips":["192.0.2.0/24"],
        "allowed_origins":["https://x.test"],"max_uses":5})",
                      w.ann);
    assert_int_equal(a.status(), 201);
    std::string token = a.text("token");
    assert_true(token.starts_with("ks_play_"));
    assert_true(token.size() <= 48);
    assert_text(a.json["urls"].string("hls").value(),
                "http://127.0.0.1:8080/live/t/" + token + "/" + w.id + ".m3u8");
    assert_text(a.json["urls"].string("whep").value(),
                "http://127.0.0.1:8080/rtc/v1/whep/" + w.id +
                    "?token=" + token);
    assert_text(a.json["urls"].string("rtmp").value(),
                "rtmp://127.0.0.1/live/" + w.id + "?token=" + token);
    assert_true(a.json["urls"]["whip"].kind() == codec::Json::Kind::absent);
    Millis life = *parse_rfc3339(a.text("expires_at")) -
                  *parse_rfc3339(a.text("created_at"));
    assert_true(life > 50 * kSecond && life <= kMinute);
    auto facts = w.run(w.store->tokens().facts(sha256(token)));
    assert_true(facts->exists);
    assert_int_equal(facts->max_uses, 5);
    assert_text(facts->allowed_ips.view(), "192.0.2.0/24");
}

void a_publish_token_has_publishing_urls(void **) {
    Show w;
    Answer a =
        w.post(w.tokens, R"({"kind":"publish","single_use":true})", w.ann);
    assert_int_equal(a.status(), 201);
    std::string token = a.text("token");
    assert_true(token.starts_with("ks_pub_"));
    assert_int_equal(a.json.integer("max_uses").value(), 1);
    assert_text(a.json["urls"].string("whip").value(),
                "http://127.0.0.1:8080/rtc/v1/whip/" + w.id +
                    "?token=" + token);
    assert_true(a.json["urls"]["hls"].kind() == codec::Json::Kind::absent);
}

void what_a_token_may_be(void **) {
    Show w;
    struct {
        const char *body;
        const char *wrong;
    } rows[] = {
        {"{}", "kind:required "},
        {R"({"kind":"watch"})", "kind:invalid_value "},
        {R"({"kind":"play","ttl_seconds":0})", "ttl_seconds:out_of_range "},
        {R"({"kind":"play","ttl_seconds":"60"})", "ttl_seconds:wrong_type "},
        {R"({"kind":"play","max_uses":0})", "max_uses:out_of_range "},
        {R"({"kind":"play","max_uses":2,"single_use":true})",
         "max_uses:invalid_value "},
        {R"({"kind":"play","allowed_ips":["localhost"]})",
         "allowed_ips[0]:invalid_value "},
        {R"({"kind":"play","allowed_origins":["x.test"]})",
         "allowed_origins[0]:invalid_value "},
        {R"({"kind":"play","token":"ks_play_mine"})", "token:unknown_member "},
    };
    for (const auto &row : rows) {
        Answer a = w.post(w.tokens, row.body, w.ann);
        assert_row(row.body, a.status() == 422);
        assert_row(row.body, a.wrong() == row.wrong);
    }
}

void lists_hold_no_secret(void **) {
    Show w;
    Answer made = w.post(w.tokens, R"({"kind":"play"})", w.ann);
    w.host.ahead += 10;
    w.post(w.tokens, R"({"kind":"publish","label":"cam"})", w.ann);
    Answer a = w.get(w.tokens, w.ann);
    assert_int_equal(a.status(), 200);
    assert_int_equal(a.json["data"].size(), 2); // and not the key
    assert_text(a.json["data"].at(0).string("label").value(), "cam");
    assert_true(a.response.body.find(made.text("token")) == std::string::npos);
    assert_true(a.json["data"].at(1)["urls"].kind() ==
                codec::Json::Kind::absent);
    a = w.get(w.tokens + "?limit=1", w.ann);
    a = w.get(w.tokens + "?limit=1&cursor=" + a.text("next_cursor"), w.ann);
    assert_text(a.json["data"].at(0).string("id").value(), made.text("id"));
}

void revoking_ends_what_it_opened(void **) {
    Show w;
    Answer a = w.post(w.tokens, R"({"kind":"publish"})", w.ann);
    std::string path = "/v1/tokens/" + a.text("id");
    assert_int_equal(w.remove(path, w.bob).status(), 404);
    auto session = w.publish(w.id, a.text("id"));
    Kicked kicked;
    w.sessions.hold(session.id, kicked);
    assert_int_equal(w.remove(path, w.ann).status(), 204);
    w.until([&] { return kicked.reason != model::EndReason::none; });
    assert_text(model::name(kicked.reason), "revoked");
    w.sessions.release(session.id, model::EndReason::revoked);
    auto facts = w.run(w.store->tokens().facts(sha256(a.text("token"))));
    assert_true(facts->revoked_at != 0);
    assert_int_equal(w.remove(path, w.ann).status(), 204); // again
    assert_int_equal(
        w.remove("/v1/tokens/tok_0000000000000000000000", w.ann).status(), 404);
}

void an_admin_may_and_a_key_may_not(void **) {
    Show w;
    Answer a = w.post(w.tokens, R"({"kind":"play"})", w.ann);
    assert_int_equal(w.remove("/v1/tokens/" + a.text("id"), w.admin).status(),
                     204);
    // A stream's key is a token, too, but goes by reset-key.
    Answer b = w.post("/v1/streams/" + w.id + "/reset-key", "", w.ann);
    auto key = w.run(w.store->tokens().facts(sha256(b.text("stream_key"))));
    assert_int_equal(w.remove("/v1/tokens/" + key->id.str(), w.ann).status(),
                     404);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_play_token_comes_with_its_urls),
        cmocka_unit_test(a_publish_token_has_publishing_urls),
        cmocka_unit_test(what_a_token_may_be),
        cmocka_unit_test(lists_hold_no_secret),
        cmocka_unit_test(revoking_ends_what_it_opened),
        cmocka_unit_test(an_admin_may_and_a_key_may_not),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
