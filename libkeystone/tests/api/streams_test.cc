// Streams: create, list, read, change, remove; key, enable, disable.
#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

const std::string kStreams = "/api/v1/streams";

std::string at(const Answer &stream, std::string_view more = "") {
    return kStreams + "/" + stream.text("id") + std::string(more);
}

struct Two : ApiWorld {
    std::string admin = new_user("admin@x.test"); // the first
    std::string ann = new_user("ann@x.test");
    std::string bob = new_user("bob@x.test");
};

void a_stream_has_all_members_and_its_key_once(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show","metadata":{"b":1,"a":[]}})",
                      w.ann);
    assert_int_equal(a.status(), 201);
    assert_text(a.header("Location"), at(a));
    assert_true(a.text("stream_key").starts_with("ks_pub_"));
    assert_true(a.text("stream_key").starts_with(a.text("key_prefix")));
    Answer b = w.get(at(a), w.ann);
    assert_int_equal(b.status(), 200);
    for (const char *member : {"id",           "owner_id",
                               "title",        "description",
                               "visibility",   "enabled",
                               "status",       "ingest_protocol",
                               "started_at",   "last_active_at",
                               "viewer_count", "peak_viewers",
                               "max_viewers",  "reconnect_window_seconds",
                               "takeover",     "allowed_origins",
                               "ingest",       "playback",
                               "key_prefix",   "key_rotated_at",
                               "metadata",     "created_at",
                               "updated_at"}) {
        assert_row(member, b.json[member].kind() != codec::Json::Kind::absent);
    }
    assert_int_equal(b.json.size(), 23);
    assert_text(b.text("visibility"), "unlisted");
    assert_text(b.text("status"), "idle");
    assert_text(b.json["metadata"].dump(), R"({"b":1,"a":[]})");
    std::string id = b.text("id");
    assert_text(b.json["playback"].string("hls_url").value(),
                "http://127.0.0.1:8080/live/" + id + ".m3u8");
    assert_true(parse_rfc3339(b.text("created_at")).has_value());
    // Nowhere again.
    for (const char *more : {"", "/connect", "/tokens"}) {
        Answer c = w.get(at(a, more), w.ann);
        assert_row(more, c.status() == 200);
        assert_row(more, c.response.body.find(a.text("stream_key")) ==
                             std::string::npos);
    }
}

void the_second_read_waits_for_nothing(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    assert_true(w.get(at(a), w.ann).waited);
    Answer b = w.get(at(a), w.ann);
    assert_false(b.waited);
    assert_int_equal(b.status(), 200);
    assert_false(w.get(at(a), w.bob).waited);
    assert_true(w.get(kStreams, w.ann).waited);
    assert_false(w.get(kStreams, w.ann).waited);
    assert_true(w.get(kStreams, w.bob).waited); // another one's page
    w.get(at(a, "/status"));
    assert_false(w.get(at(a, "/status")).waited);
    w.get("/v1/live-streams");
    assert_false(w.get("/v1/live-streams").waited);
}

void others_see_nothing_admins_all(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    std::string missing = kStreams + "/str_0000000000000000000000";
    struct {
        const char *method;
        const char *more;
        const char *body;
    } rows[] = {
        {"GET", "", ""},
        {"PATCH", "", R"({"title":"mine"})"},
        {"DELETE", "", ""},
        {"POST", "/reset-key", ""},
        {"POST", "/enable", ""},
        {"POST", "/disable", ""},
        {"GET", "/connect", ""},
        {"GET", "/tokens", ""},
        {"POST", "/tokens", R"({"kind":"play"})"},
    };
    for (const auto &row : rows) {
        std::string name = std::string(row.method) + row.more;
        Answer other =
            w.ask(Ask{row.method, at(a, row.more), row.body}.as(w.bob));
        Answer none =
            w.ask(Ask{row.method, missing + row.more, row.body}.as(w.bob));
        assert_row(name, other.status() == 404);
        assert_row(name, none.status() == 404);
        assert_row(name, other.text("detail") == none.text("detail"));
    }
    assert_int_equal(w.get(at(a), w.admin).status(), 200);
    assert_int_equal(
        w.patch(at(a), R"({"title":"by admin"})", w.admin).status(), 200);
    for (const char *id : {"x", "str_", "str_..%2f", "usr_x"}) {
        assert_int_equal(w.get(kStreams + "/" + id, w.ann).status(), 404);
    }
}

void a_patch_merges(void **) {
    Two w;
    Answer a = w.post(
        kStreams,
        R"({"title":"Show","description":"d","metadata":{"a":1,"b":{"c":2}}})",
        w.ann);
    Answer b = w.patch(
        at(a), R"({"description":null,"metadata":{"a":null,"b":{"d":3}}})",
        w.ann);
    assert_int_equal(b.status(), 200);
    assert_text(b.text("title"), "Show");
    assert_text(b.text("description"), "");
    assert_text(b.json["metadata"].dump(), R"({"b":{"c":2,"d":3}})");
    assert_text(w.get(at(a), w.ann).response.body, b.response.body);
    b = w.patch(at(a), R"({"metadata":null})", w.ann);
    assert_text(b.json["metadata"].dump(), "{}");
    Ask merge{"PATCH", at(a), R"({"title":"x"})"};
    merge.type = "application/merge-patch+json";
    assert_int_equal(w.ask(merge.as(w.ann)).status(), 200);
    std::string half = "{\"metadata\":{\"x\":\"" + std::string(3000, 'x');
    w.patch(at(a), half + "\"}}", w.ann);
    half[14] = 'y';
    b = w.patch(at(a), half + "\"}}", w.ann);
    assert_int_equal(b.status(), 422); // too much together
}

void conditions_are_kept(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    Answer b = w.get(at(a), w.ann);
    std::string tag(b.header("ETag"));
    assert_false(tag.empty());

    Answer same =
        w.ask(Ask{"GET", at(a)}.as(w.ann).with("If-None-Match", "W/" + tag));
    assert_int_equal(same.status(), 304);
    assert_text(same.response.body, "");
    assert_text(same.header("ETag"), tag);

    // What viewers do is no reason to refuse a change ...
    w.publish(a.text("id"), "tok_1");
    Answer moved =
        w.ask(Ask{"GET", at(a)}.as(w.ann).with("If-None-Match", tag));
    assert_int_equal(moved.status(), 200); // ... but it is seen
    assert_text(moved.text("status"), "connecting");

    Ask change{"PATCH", at(a), R"({"title":"Two"})"};
    Answer c = w.ask(Ask(change).as(w.ann).with("If-Match", tag));
    assert_int_equal(c.status(), 200);
    c = w.ask(Ask(change).as(w.ann).with("If-Match", tag));
    assert_int_equal(c.status(), 412);
    assert_text(c.code(), "precondition_failed");
    c = w.ask(Ask(change).as(w.ann).with("If-Match", "\"other\""));
    assert_int_equal(c.status(), 412);
    c = w.ask(Ask{"DELETE", at(a)}.as(w.ann).with("If-Match", tag));
    assert_int_equal(c.status(), 412);
    assert_int_equal(w.get(at(a), w.ann).status(), 200);
    c = w.ask(Ask{"DELETE", at(a)}.as(w.ann).with("If-Match", "*"));
    assert_int_equal(c.status(), 204);
}

void what_is_live_is_shown(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    auto session = w.publish(a.text("id"), "tok_1");
    w.media(session);
    Answer b = w.get(at(a), w.ann);
    assert_text(b.text("status"), "active");
    assert_text(b.text("ingest_protocol"), "rtmp");
    assert_false(b.text("started_at").empty());
    w.table().close(session.id, model::EndReason::client, w.host.wall());
    assert_text(w.get(at(a), w.ann).text("status"), "reconnecting");
    w.host.ahead += 31 * kSecond;
    w.table().sweep(w.host.wall());
    assert_text(w.get(at(a), w.ann).text("status"), "idle");
}

void ending(const std::string &method, const std::string &more,
            const std::string &body, const std::string &token_id,
            model::EndReason wanted) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    auto session = w.publish(a.text("id"), token_id);
    Kicked kicked;
    w.sessions.hold(session.id, kicked);
    Answer b = w.ask(Ask{method, at(a, more), body}.as(w.ann));
    assert_true(b.status() == 200 || b.status() == 204);
    if (wanted == model::EndReason::none) {
        for (int i = 0; i < 5; i++) {
            w.run(Runner::nap());
        }
        assert_true(kicked.reason == wanted);
    } else {
        w.until([&] { return kicked.reason != model::EndReason::none; });
        assert_text(model::name(kicked.reason), model::name(wanted));
    }
    w.sessions.release(session.id, model::EndReason::client);
}

void writes_end_the_sessions_they_forbid(void **) {
    using model::EndReason;
    ending("POST", "/disable", "", "tok_1", EndReason::disabled);
    ending("PATCH", "", R"({"enabled":false})", "tok_1", EndReason::disabled);
    ending("DELETE", "", "", "tok_1", EndReason::disabled);
    ending("POST", "/reset-key", "", "key_1", EndReason::revoked);
    ending("POST", "/reset-key", "", "tok_1", EndReason::none);
    ending("POST", "/enable", "", "tok_1", EndReason::none);
    ending("PATCH", "", R"({"title":"x"})", "tok_1", EndReason::none);
}

void disabled_and_enabled(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    Answer b = w.post(at(a, "/disable"), "", w.ann);
    assert_text(b.text("status"), "disabled");
    assert_false(b.json.boolean("enabled").value());
    assert_text(w.get(at(a, "/status")).text("status"), "disabled");
    b = w.post(at(a, "/enable"), "{}", w.ann);
    assert_text(b.text("status"), "idle");
    assert_int_equal(w.post(at(a, "/enable"), R"({"x":1})", w.ann).status(),
                     422);
}

void a_new_key_replaces_the_old(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    w.host.ahead += kMinute;
    Answer b = w.post(at(a, "/reset-key"), "", w.ann);
    assert_int_equal(b.status(), 200);
    assert_true(b.text("stream_key").starts_with("ks_pub_"));
    assert_true(b.text("stream_key") != a.text("stream_key"));
    auto facts = [&](const std::string &key) {
        return *w.run(w.store->tokens().facts(sha256(key)));
    };
    assert_true(facts(a.text("stream_key")).revoked_at != 0);
    assert_true(facts(b.text("stream_key")).revoked_at == 0);
    Answer c = w.get(at(a), w.ann);
    assert_text(c.text("key_prefix"), b.text("key_prefix"));
    assert_true(c.text("key_rotated_at") > c.text("created_at"));
}

void a_removed_stream_is_gone(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    w.get(at(a), w.ann);
    w.get(kStreams, w.ann);
    assert_int_equal(w.remove(at(a), w.ann).status(), 204);
    assert_int_equal(w.get(at(a), w.ann).status(), 404);
    assert_int_equal(w.get(at(a, "/status")).status(), 404);
    assert_int_equal(w.remove(at(a), w.ann).status(), 404);
    assert_int_equal(w.get(kStreams, w.ann).json["data"].size(), 0);
}

void a_kick_ends_and_bans(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    Answer b = w.post(at(a, "/kick"), "", w.ann);
    assert_int_equal(b.status(), 409);
    assert_text(b.code(), "not_live");
    auto session = w.publish(a.text("id"), "tok_1");
    Kicked kicked;
    w.sessions.hold(session.id, kicked);
    assert_int_equal(w.post(at(a, "/kick"), "", w.bob).status(), 404);
    b = w.post(at(a, "/kick"), R"({"ban_seconds":86401,"who":1})", w.ann);
    assert_text(b.wrong(), "ban_seconds:out_of_range who:unknown_member ");
    b = w.post(at(a, "/kick"), R"({"ban_seconds":60,"reason":"spam"})", w.ann);
    assert_int_equal(b.status(), 204);
    // its credential, once: it has no address
    assert_int_equal(w.zone().counters().get(zone::Counter::bans), 1);
    w.until([&] { return kicked.reason != model::EndReason::none; });
    assert_text(model::name(kicked.reason), "kicked");
    w.sessions.release(session.id, model::EndReason::kicked);
    Millis left = w.zone().banned(a.text("id"), "tok_1", w.host.now());
    assert_true(left > 0 && left <= kMinute);
    assert_int_equal(w.zone().banned(a.text("id"), "tok_2", w.host.now()), 0);
}

void connect_lines_have_no_key(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    Answer b = w.get(at(a, "/connect"), w.ann);
    std::string id = a.text("id");
    assert_text(b.json["rtmp"].string("server").value(),
                "rtmp://127.0.0.1/live");
    assert_text(b.json["rtmp"].string("key").value(), id + "?key=STREAM_KEY");
    assert_text(b.json["whip"].string("url").value(),
                "http://127.0.0.1:8080/rtc/v1/whip/" + id);
    assert_text(b.json["whip"].string("bearer_token").value(), "STREAM_KEY");
    assert_true(b.text("ffmpeg").find("'rtmp://127.0.0.1/live/" + id +
                                      "?key=STREAM_KEY'") != std::string::npos);
    assert_false(b.json["whip"].boolean("available").value()); // no SRS here
}

void a_lost_store_is_503(void **) {
    Two w;
    Answer a = w.post(kStreams, R"({"title":"Show"})", w.ann);
    w.get(at(a), w.ann);
    w.get(at(a, "/status"));
    auto lost = store::Store::make("sqlite:" + w.dir.file("no/such/dir/k.db"),
                                   w.zone());
    assert_true(lost.ok());
    assert_false(w.run((*lost)->open()).ok());
    api::Api other(w.config, **lost, w.zone(), w.sessions, w.loop);
    auto ask = [&](const Ask &what) { return ask_of(w, other, what); };
    Answer b = ask(Ask{"POST", kStreams, R"({"title":"Two"})"}.as(w.ann));
    assert_int_equal(b.status(), 503);
    assert_text(b.code(), "store_unavailable");
    assert_false(b.header("Retry-After").empty());
    // What is cached goes on.
    assert_int_equal(ask(Ask{"GET", at(a)}.as(w.ann)).status(), 200);
    assert_int_equal(ask(Ask{"GET", at(a, "/status")}).status(), 200);
    assert_int_equal(ask(Ask{"GET", "/v1/live-streams"}).status(), 200);
    assert_int_equal(ask(Ask{"GET", "/v1/auth/me"}.as(w.ann)).status(), 503);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_has_all_members_and_its_key_once),
        cmocka_unit_test(the_second_read_waits_for_nothing),
        cmocka_unit_test(others_see_nothing_admins_all),
        cmocka_unit_test(a_patch_merges),
        cmocka_unit_test(conditions_are_kept),
        cmocka_unit_test(what_is_live_is_shown),
        cmocka_unit_test(writes_end_the_sessions_they_forbid),
        cmocka_unit_test(disabled_and_enabled),
        cmocka_unit_test(a_new_key_replaces_the_old),
        cmocka_unit_test(a_removed_stream_is_gone),
        cmocka_unit_test(a_kick_ends_and_bans),
        cmocka_unit_test(connect_lines_have_no_key),
        cmocka_unit_test(a_lost_store_is_503),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
