// What is live: the directory, the status, lists by status.
#include "support.h"

#include <cstdio>

using namespace ks;
using namespace ks::test;

namespace {

struct Shows : ApiWorld {
    std::string admin = new_user("admin@x.test");
    std::string ann = new_user("ann@x.test");
    std::string bob = new_user("bob@x.test");

    std::string make(std::string_view title, std::string_view visibility,
                     const std::string &who) {
        std::string body = "{\"title\":\"" + std::string(title) +
                           "\",\"visibility\":\"" + std::string(visibility) +
                           "\"}";
        host.ahead += 10;
        return post("/v1/streams", body, who).text("id");
    }
    model::Session go_live(const std::string &id) {
        host.ahead += 10;
        auto session = publish(id, "tok_1");
        media(session);
        return session;
    }
    // Lists are remembered for a second.
    void later() { host.ahead += 1001; }

    std::string titles(const std::string &uri, const std::string &who = "") {
        Answer a = get(uri, who);
        assert_int_equal(a.status(), 200);
        std::string all;
        for (size_t i = 0; i < a.json["data"].size(); i++) {
            all += a.json["data"].at(i).string("title").value() + " ";
        }
        return all;
    }
    Answer status(const std::string &id, const std::string &who = "") {
        return get("/v1/streams/" + id + "/status", who);
    }
};

void the_directory_shows_public_live_streams(void **) {
    Shows w;
    std::string a = w.make("a", "public", w.ann);
    std::string b = w.make("b", "public", w.bob);
    std::string c = w.make("c", "unlisted", w.ann);
    std::string d = w.make("d", "private", w.ann);
    w.make("e", "public", w.ann); // not live
    assert_text(w.titles("/v1/live-streams"), "");
    auto session = w.go_live(a);
    w.go_live(b);
    w.go_live(c);
    w.go_live(d);
    w.later();
    assert_text(w.titles("/v1/live-streams"), "b a ");
    Answer answer = w.get("/v1/live-streams");
    assert_text(answer.header("Cache-Control"), "public, max-age=1");
    codec::Json row = answer.json["data"].at(0);
    assert_text(row.string("status").value(), "active");
    assert_int_equal(row.integer("viewer_count").value(), 0);
    assert_true(row["owner_id"].kind() == codec::Json::Kind::absent);
    assert_true(row["key_prefix"].kind() == codec::Json::Kind::absent);

    Answer one = w.get("/v1/live-streams?limit=1");
    assert_text(
        w.titles("/v1/live-streams?limit=1&cursor=" + one.text("next_cursor")),
        "a ");

    // Gone by itself: shown as long as its window is open.
    w.table().close(session.id, model::EndReason::client, w.host.wall());
    w.later();
    assert_text(w.titles("/v1/live-streams"), "b a ");
    w.host.ahead += 31 * kSecond;
    w.table().sweep(w.host.wall());
    assert_text(w.titles("/v1/live-streams"), "b ");
    // A change is felt at once.
    w.patch("/v1/streams/" + b, R"({"visibility":"private"})", w.bob);
    assert_text(w.titles("/v1/live-streams"), "");
}

void a_stream_without_media_is_not_live(void **) {
    Shows w;
    std::string a = w.make("a", "public", w.ann);
    w.publish(a, "tok_1");
    w.later();
    assert_text(w.titles("/v1/live-streams"), "");
    assert_text(w.status(a).text("status"), "connecting");
    assert_false(w.status(a).json.boolean("live").value());
}

void the_status_is_for_everybody(void **) {
    Shows w;
    std::string a = w.make("a", "unlisted", w.ann);
    Answer s = w.status(a);
    assert_int_equal(s.status(), 200);
    assert_text(s.header("Cache-Control"), "public, max-age=1");
    assert_text(s.response.body, R"({"live":false,"status":"idle",)"
                                 R"("started_at":null,"viewer_count":0})");
    w.go_live(a);
    s = w.status(a);
    assert_true(s.json.boolean("live").value());
    assert_false(s.text("started_at").empty());
    assert_int_equal(w.status("str_0000000000000000000000").status(), 404);
}

void a_private_status_is_not(void **) {
    Shows w;
    std::string a = w.make("a", "private", w.ann);
    std::string b = w.make("b", "private", w.ann);
    auto token = [&](const std::string &id, std::string_view body) {
        return w.post("/v1/streams/" + id + "/tokens", std::string(body),
                      w.ann);
    };
    std::string good = token(a, R"({"kind":"play"})").text("token");
    std::string others = token(b, R"({"kind":"play"})").text("token");
    std::string elsewhere =
        token(a, R"({"kind":"play","allowed_ips":["203.0.113.1"]})")
            .text("token");
    Answer gone = token(a, R"({"kind":"play"})");
    std::string late =
        token(a, R"({"kind":"play","ttl_seconds":1})").text("token");
    w.remove("/v1/tokens/" + gone.text("id"), w.ann);
    w.host.ahead += 1500;
    struct {
        const char *name;
        std::string bearer;
        unsigned status;
    } rows[] = {
        {"nobody", "", 404},
        {"owner", w.ann, 200},
        {"admin", w.admin, 200},
        {"another user", w.bob, 404},
        {"its token", good, 200},
        {"another stream's token", others, 404},
        {"from another address", elsewhere, 404},
        {"revoked", gone.text("token"), 404},
        {"expired", late, 404},
        {"no token of ours", "ks_play_nothing", 404},
        {"undefined", "undefined", 404},
    };
    for (const auto &row : rows) {
        for (int twice = 0; twice < 2; twice++) { // read, then cached
            Answer s = w.status(a, row.bearer);
            assert_row(row.name, s.status() == row.status);
            if (row.status == 200) {
                assert_row(row.name,
                           s.header("Cache-Control") == "private, max-age=1");
            }
        }
    }
    assert_int_equal(
        w.get("/v1/streams/" + a + "/status?token=" + good).status(), 200);
}

void lists_by_status(void **) {
    Shows w;
    w.make("idle1", "public", w.ann);
    std::string on = w.make("on", "public", w.ann);
    std::string off = w.make("off", "private", w.ann);
    w.make("idle2", "private", w.ann);
    std::string bobs = w.make("bobs", "public", w.bob);
    w.post("/v1/streams/" + off + "/disable", "", w.ann);
    w.go_live(on);
    w.go_live(bobs);
    const std::string base = "/v1/streams?";
    assert_text(w.titles(base + "status=active", w.ann), "on ");
    assert_text(w.titles(base + "status=disabled", w.ann), "off ");
    assert_text(w.titles(base + "status=idle", w.ann), "idle2 idle1 ");
    assert_text(w.titles(base + "status=reconnecting", w.ann), "");
    Answer first = w.get(base + "status=idle&limit=1", w.ann);
    assert_text(w.titles(base + "status=idle&limit=1&cursor=" +
                             first.text("next_cursor"),
                         w.ann),
                "idle1 ");
    assert_text(w.titles(base + "visibility=private", w.ann), "idle2 off ");
    assert_text(w.titles(base + "q=IDLE", w.ann), "idle2 idle1 ");
    assert_text(w.titles(base + "q=o&status=active", w.ann), "on ");
    assert_int_equal(w.get(base + "status=gone", w.ann).status(), 422);
    assert_int_equal(w.get(base + "visibility=x", w.ann).status(), 422);
}

// What others have live costs a request a bounded number of reads, and later
// ones none: what is known of a stream is enough to leave it out.
void others_live_streams_cost_little(void **) {
    Shows w;
    constexpr int kOthers = 150;
    w.go_live(w.make("mine", "public", w.ann));
    for (int i = 0; i < kOthers; i++) { // of streams that nobody can list
        char id[32];
        std::snprintf(id, sizeof(id), "str_%022d", i);
        w.go_live(id);
    }
    auto reads = [&] {
        return w.zone().counters().look_ups(zone::CacheKind::stream,
                                            zone::Tier::store, false);
    };
    uint64_t before = reads();
    assert_text(w.titles("/v1/streams?status=active", w.ann), "mine ");
    assert_true(reads() - before <= 100);

    before = reads();
    Answer first = w.get("/v1/live-streams");
    assert_int_equal(first.json["data"].size(), 0);
    assert_int_equal(reads() - before, 100);
    std::string next = "/v1/live-streams?cursor=" + first.text("next_cursor");
    assert_text(w.titles(next), "mine ");
    assert_int_equal(reads() - before, kOthers);

    w.later();
    assert_text(w.titles("/v1/live-streams"), "mine ");
    assert_text(w.titles("/v1/streams?status=active", w.bob), "");
    assert_text(w.titles("/v1/streams?status=active", w.ann), "mine ");
    assert_int_equal(reads() - before, kOthers);
}

void a_long_walk_goes_on_by_cursor(void **) {
    Shows w;
    std::string idle = w.make("idle", "public", w.ann);
    for (int i = 0; i < 3; i++) {
        w.go_live(w.make("on", "public", w.ann));
    }
    std::string uri = "/v1/streams?status=idle&limit=1";
    Answer a = w.get(uri, w.ann);
    for (int page = 0; a.json["data"].size() == 0 && page < 4; page++) {
        a = w.get(uri + "&cursor=" + a.text("next_cursor"), w.ann);
    }
    assert_text(a.json["data"].at(0).string("id").value(), idle);
    assert_true(a.json["next_cursor"].kind() == codec::Json::Kind::null);
}

void an_admin_lists_others(void **) {
    Shows w;
    w.make("anns", "public", w.ann);
    std::string owner = w.get("/v1/streams", w.ann)
                            .json["data"]
                            .at(0)
                            .string("owner_id")
                            .value();
    assert_text(w.titles("/v1/streams", w.admin), "");
    assert_text(w.titles("/v1/streams?owner=" + owner, w.admin), "anns ");
    assert_text(w.titles("/v1/streams?owner=" + owner, w.ann), "anns ");
    Answer a = w.get("/v1/streams?owner=" + owner, w.bob);
    assert_int_equal(a.status(), 403);
    assert_text(a.code(), "forbidden");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_directory_shows_public_live_streams),
        cmocka_unit_test(a_stream_without_media_is_not_live),
        cmocka_unit_test(the_status_is_for_everybody),
        cmocka_unit_test(a_private_status_is_not),
        cmocka_unit_test(lists_by_status),
        cmocka_unit_test(others_live_streams_cost_little),
        cmocka_unit_test(a_long_walk_goes_on_by_cursor),
        cmocka_unit_test(an_admin_lists_others),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
