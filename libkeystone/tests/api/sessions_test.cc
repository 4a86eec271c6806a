#include "support.h"

#include "gate/access.h"

using namespace ks;
using ks::test::Answer;
using ks::test::ApiWorld;

namespace {

const std::string kSessions = "/v1/sessions";

struct World : ApiWorld {
    model::User ann = user("ann@example.org");
    model::User bob = user("bob@example.org");
    store::CreatedStream show = stream(ann.id);
    std::string as_ann = token_of(ann);
    std::string as_bob = token_of(bob);

    Id open(model::Action action, const char *ip = "192.0.2.30") {
        model::Session s;
        s.id = make_id(prefix::kSession, loop.entropy());
        s.stream_id = show.stream.id;
        s.token_id = show.stream.id; // any id
        s.action = action;
        s.protocol = action == model::Action::publish ? model::Protocol::whip
                                                      : model::Protocol::whep;
        s.client_ip.assign(ip);
        s.started_at = loop.wall();
        s.seen_at = s.started_at;
        model::StreamFacts facts;
        facts.id = show.stream.id;
        bool opened =
            action == model::Action::publish
                ? table().open_publisher(s, facts, Id(), loop.wall()).ok()
                : table().open_viewer(s, 0, loop.wall()).ok();
        assert_true(opened);
        write();
        return s.id;
    }
    void write() {
        std::vector<model::Session> rows;
        for (const auto &d : table().take_dirty(100, loop.wall())) {
            rows.push_back(d.session);
        }
        assert_true(run(store->sessions().write(rows)).ok());
    }
    std::string one(const Id &id) { return kSessions + "/" + id.str(); }
};

} // namespace

static void sessions_are_listed(void **) {
    World w;
    Id publisher = w.open(model::Action::publish);
    Id viewer = w.open(model::Action::play);
    for (const std::string &uri :
         {kSessions, "/v1/streams/" + w.show.stream.id.str() + "/sessions"}) {
        Answer a = w.get(uri, w.as_ann);
        assert_int_equal(a.status(), 200);
        assert_int_equal(a.json["data"].size(), 2);
        a = w.get(uri + "?kind=play", w.as_ann);
        assert_int_equal(a.json["data"].size(), 1);
        codec::Json row = a.json["data"].at(0);
        assert_text(row.string("id").value_or(""), viewer.view());
        assert_text(row.string("protocol").value_or(""), "whep");
        assert_text(row["client"].string("ip").value_or(""), "192.0.2.30");
        assert_int_equal(row["ended_at"].kind(), codec::Json::Kind::null);
    }
    // memory is newer than the store
    w.table().media(publisher, 4711, 0, w.loop.wall());
    Answer a = w.get(w.one(publisher), w.as_ann);
    assert_int_equal(a.json.integer("bytes_in").value_or(0), 4711);
    assert_text(a.text("state"), "active");
    a = w.get(kSessions + "?kind=publish", w.as_ann);
    assert_int_equal(a.json["data"].at(0).integer("bytes_in").value_or(0),
                     4711);
    a = w.get(kSessions + "?kind=dance&state=x&protocol=y", w.as_ann);
    assert_int_equal(a.status(), 422);
    assert_text(a.wrong(), "kind:invalid_value protocol:invalid_value "
                           "state:invalid_value ");
}

static void nobody_sees_those_of_another(void **) {
    World w;
    Id publisher = w.open(model::Action::publish);
    assert_int_equal(w.get(kSessions, "").status(), 401);
    assert_int_equal(w.get(kSessions, w.as_bob).json["data"].size(), 0);
    assert_int_equal(w.get(w.one(publisher), w.as_bob).status(), 404);
    assert_int_equal(w.remove(w.one(publisher), w.as_bob).status(), 404);
    assert_int_equal(
        w.get("/v1/streams/" + w.show.stream.id.str() + "/sessions", w.as_bob)
            .status(),
        404);
    assert_true(
        w.table().publisher_of(w.show.stream.id, w.loop.wall()).has_value());
}

static void one_is_kicked(void **) {
    World w;
    Id publisher = w.open(model::Action::publish);
    Id viewer = w.open(model::Action::play);
    assert_int_equal(
        w.remove(w.one(viewer) + "?ban_seconds=86401", w.as_ann).status(), 422);
    assert_int_equal(
        w.remove(w.one(viewer) + "?ban_seconds=x", w.as_ann).status(), 422);
    assert_int_equal(w.remove(w.one(viewer), w.as_ann).status(), 204);
    Answer a = w.get(w.one(viewer), w.as_ann);
    assert_text(a.text("state"), "closed");
    assert_text(a.text("end_reason"), "kicked");
    assert_int_equal(w.remove(w.one(viewer), w.as_ann).status(), 204);
    assert_text(w.get(w.one(publisher), w.as_ann).text("state"), "connecting");
    assert_int_equal(
        w.remove(kSessions + "/ses_0000000000000000000000", w.as_ann).status(),
        404);
}

static void a_ban_keeps_a_viewer_out(void **) {
    World w;
    Id viewer = w.open(model::Action::play, "192.0.2.99");
    gate::Access access(*w.store, w.zone(), w.loop);
    w.open(model::Action::publish);
    w.table().media(w.table().publisher_of(w.show.stream.id, w.loop.wall())->id,
                    1, 0, w.loop.wall());
    auto ask = [&](model::Action action, const char *ip) {
        gate::Question q;
        q.action = action;
        q.protocol = model::Protocol::whep;
        q.stream = w.show.stream.id.view();
        q.client_ip = ip;
        std::string key(w.show.key.reveal());
        q.credential = key;
        return w.run(access.authorize(q)).verdict.code;
    };
    assert_int_equal(ask(model::Action::play, "192.0.2.99"), Code::ok);
    assert_int_equal(
        w.remove(w.one(viewer) + "?ban_seconds=60", w.as_ann).status(), 204);
    assert_int_equal(ask(model::Action::play, "192.0.2.99"), Code::banned);
    assert_int_equal(ask(model::Action::play, "192.0.2.98"), Code::ok);
    // its publisher may come from there
    assert_int_not_equal(ask(model::Action::publish, "192.0.2.99"),
                         Code::banned);
    w.host.ahead += 61 * kSecond;
    assert_int_not_equal(ask(model::Action::play, "192.0.2.99"), Code::banned);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_listed),
        cmocka_unit_test(nobody_sees_those_of_another),
        cmocka_unit_test(one_is_kicked),
        cmocka_unit_test(a_ban_keeps_a_viewer_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
