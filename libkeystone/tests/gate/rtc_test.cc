#include "support.h"

#include "gate/placement.h"

using namespace ks;
using namespace ks::test;
using gate::Outcome;

namespace {

struct RtcWorld : GateWorld {
    RtcWorld() {
        for (std::string name : {"srs_a", "srs_b", "srs_c"}) {
            auto ok = config.directive({"srs_node", name, "api=127.0.0.1:1"});
            assert_true(ok.ok());
        }
        auto ok =
            config.directive({"ice_server", "stun:stun.example.org:3478"});
        assert_true(ok.ok());
    }

    // One request as nginx drives it: head, body, upstream's answer.
    struct Try {
        Try(RtcWorld &w, std::string m, std::string u, std::string bearer = "",
            std::string type = "application/sdp", std::string q = "")
            : world(w), method(std::move(m)), uri(std::move(u)),
              query(std::move(q)), authorization("Bearer " + bearer),
              content_type(std::move(type)),
              rtc(w.config, w.access, w.limits, w.sessions, w.upstream,
                  w.tickets, w.events, w.loop) {
            codec::RequestView view;
            view.method = method;
            view.uri = uri;
            view.query = query;
            view.prefix_len = std::string_view("/rtc/v1/").size();
            view.client_ip = "192.0.2.20";
            view.body_len = -1;
            view.request_id = "request-1";
            if (!bearer.empty()) {
                view.add_header("Authorization", authorization);
            }
            view.add_header("Content-Type", content_type);
            view.add_header("Origin", "https://app.example.org");
            request = std::make_unique<codec::Request>(view);
            out = world.run(rtc.head(*request));
        }
        Outcome &body(std::string text) {
            assert_int_equal(out.next, Outcome::Next::body);
            request->body = std::move(text);
            out = world.run(rtc.body(*request));
            return out;
        }
        Outcome &answer(unsigned status, std::string_view location,
                        bool connected = true, bool answered = true) {
            assert_int_equal(out.next, Outcome::Next::pass);
            gate::UpstreamHead head;
            head.status = status;
            head.connected = connected;
            head.answered = answered;
            head.content_type = "application/sdp";
            head.location = location;
            out = rtc.upstream(*request, head);
            return out;
        }

        RtcWorld &world;
        std::string method, uri, query, authorization, content_type;
        gate::Rtc rtc;
        std::unique_ptr<codec::Request> request;
        Outcome out;
    };

    std::string endpoint(std::string_view what) const {
        return "/rtc/v1/" + std::string(what) + "/" + id.str();
    }
    bool live() {
        return sessions.table().publisher_of(id, loop.wall()).has_value();
    }
};

constexpr std::string_view kLocation =
    "/rtc/v1/whip/"
    "?action=delete&token=876g88831&app=live&stream=s&session=a:EsAw";

void a_whip_session_from_offer_to_delete(void **) {
    RtcWorld w;
    RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
    post.body(data("chromium-whip.sdp"));
    assert_int_equal(post.out.next, Outcome::Next::pass);
    assert_text(post.out.upstream_uri,
                "/rtc/v1/whip/?app=live&stream=" + w.id.str() +
                    "&ks=" + w.tickets.make(post.out.session));
    assert_has(post.out.node.view(), "srs_");
    assert_true(w.live());

    post.answer(201, kLocation);
    assert_int_equal(post.out.next, Outcome::Next::pass);
    std::string location(post.out.response.header("Location"));
    assert_has(location, w.endpoint("whip") + "/ses_");
    assert_true(location.find("876g88831") == std::string::npos);
    assert_has(post.out.response.header("Link"), "ice-server");
    assert_has(post.out.response.header("Access-Control-Expose-Headers"),
               "Location");
    assert_text(post.out.response.header("ETag"), "");

    // trickle needs no media server
    RtcWorld::Try patch(w, "PATCH", location, "",
                        "application/trickle-ice-sdpfrag");
    patch.body(data("trickle.sdpfrag"));
    assert_int_equal(patch.out.response.status, 204);

    // another ufrag is an ICE restart: refused, and the session goes on
    std::string other = data("trickle.sdpfrag");
    size_t at;
    while ((at = other.find("EsAw")) != std::string::npos) {
        other.replace(at, 4, "OTHR");
    }
    RtcWorld::Try restart(w, "PATCH", location, "",
                          "application/trickle-ice-sdpfrag");
    restart.body(other);
    assert_int_equal(restart.out.response.status, 422);
    assert_true(w.live());

    // the address is enough to end it
    RtcWorld::Try end(w, "DELETE", location);
    assert_int_equal(end.out.next, Outcome::Next::answer);
    assert_int_equal(end.out.response.status, 200);
    assert_false(w.live());
    RtcWorld::Try again(w, "DELETE", location);
    assert_int_equal(again.out.response.status, 404);
}

// Replaced, kicked or revoked while the media server asked its hook, which was
// refused: the media server is not to blame.
void an_offer_whose_session_was_ended(void **) {
    RtcWorld w;
    RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
    post.body(data("chromium-whip.sdp"));
    assert_int_equal(post.out.next, Outcome::Next::pass);
    w.sessions.table().close(post.out.session, model::EndReason::replaced,
                             w.loop.wall());
    post.answer(502, "", true, false);
    assert_int_equal(post.out.next, Outcome::Next::answer);
    assert_int_equal(post.out.response.status, 409);
    assert_text(post.out.response.header("Retry-After"), "2");
}

void what_the_media_server_does_wrong(void **) {
    struct Row {
        unsigned status;
        bool connected;
        bool answered;
        std::string_view location;
        unsigned says;
    };
    const Row rows[] = {
        {502, true, false, "", 502},  // a bare close
        {502, false, false, "", 503}, // nobody there
        {504, true, false, "", 504},  // slow
        {500, true, true, "", 502},   // an answer nobody can use
        {201, true, true, "", 502},   // without a resource
        {302, true, true, "/x", 502}, // never passed on
    };
    for (const Row &row : rows) {
        RtcWorld w;
        RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
        post.body(data("chromium-whip.sdp"));
        post.answer(row.status, row.location, row.connected, row.answered);
        assert_int_equal(post.out.next, Outcome::Next::answer);
        assert_int_equal(post.out.response.status, row.says);
        assert_has(post.out.response.header("Retry-After"), "2");
        assert_false(w.live()); // the name is free again
    }
}

// Its sessions would be lost for that: it is asked first, and at once.
void what_the_proxy_says_of_a_node_is_not_sure(void **) {
    for (unsigned status : {500, 502, 504}) {
        RtcWorld w;
        RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
        post.body(data("chromium-whip.sdp"));
        post.answer(status, "", false, false);
        auto nodes = w.memory.zone().nodes().all();
        assert_int_equal(nodes.size(), 1);
        assert_int_equal(nodes[0].failures, status == 500 ? 0 : 1);
        assert_false(nodes[0].refused);
        assert_true(nodes[0].state != zone::NodeState::down);
        assert_true(nodes[0].wanted);
    }
}

// No worker holds a WebRTC session: ending it ends its record at once.
void a_kick_frees_the_name(void **) {
    RtcWorld w;
    RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
    post.body(data("chromium-whip.sdp"));
    post.answer(201, kLocation);
    assert_true(w.live());
    assert_int_equal(w.sessions.end_stream(w.id, model::EndReason::disabled),
                     1);
    assert_false(w.live());
    RtcWorld::Try again(w, "POST", w.endpoint("whip"), w.key());
    again.body(data("chromium-whip.sdp"));
    assert_int_equal(again.out.next, Outcome::Next::pass);
}

void a_client_that_leaves_frees_the_name(void **) {
    RtcWorld w;
    {
        RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
        post.body(data("chromium-whip.sdp"));
        assert_true(w.live());
    }
    assert_false(w.live());
}

void refused_before_the_offer_is_read(void **) {
    RtcWorld w;
    struct Row {
        std::string method, uri, bearer, type;
        unsigned status;
    };
    const Row rows[] = {
        {"POST", w.endpoint("whip"), "", "application/sdp", 401},
        {"POST", w.endpoint("whip"), "undefined", "application/sdp", 401},
        {"POST", w.endpoint("whip"), w.key(), "application/json", 415},
        {"POST", w.endpoint("whip"), w.token(model::TokenKind::play),
         "application/sdp", 403},
        {"POST", "/rtc/v1/whip/a.b", w.key(), "application/sdp", 404},
        {"POST", "/rtc/v1/play/x", w.key(), "application/sdp", 404},
        {"POST", w.endpoint("whep"), "", "application/sdp", 409},
        {"PUT", w.endpoint("whip"), w.key(), "application/sdp", 405},
        {"PATCH", w.endpoint("whip"), w.key(), "application/sdp", 405},
        {"POST", w.endpoint("whip") + "/ses_0000000000000000000000", w.key(),
         "application/sdp", 405},
        {"DELETE", w.endpoint("whip") + "/ses_0000000000000000000000", w.key(),
         "", 404},
    };
    for (const Row &row : rows) {
        RtcWorld::Try t(w, row.method, row.uri, row.bearer, row.type);
        assert_row(row.method + " " + row.uri,
                   t.out.next == Outcome::Next::answer);
        assert_int_equal(t.out.response.status, row.status);
    }
}

void the_forms_of_an_endpoint(void **) {
    RtcWorld w;
    struct Row {
        std::string uri, query;
    };
    for (const Row &row :
         std::vector<Row>{{w.endpoint("whip"), ""},
                          {w.endpoint("whip"), "eip=1.2.3.4&action=play"},
                          {"/rtc/v1/whip/", "app=live&stream=" + w.id.str()},
                          {"/rtc/v1/whip", "app=live&stream=" + w.id.str()},
                          {"/rtc/v1/whip", ""}}) {
        RtcWorld::Try t(w, "POST", row.uri, w.key(),
                        "application/sdp; charset=utf-8", row.query);
        t.body(data("obs-whip.sdp"));
        assert_row(row.uri, t.out.next == Outcome::Next::pass);
        assert_has(t.out.upstream_uri,
                   "/rtc/v1/whip/?app=live&stream=" + w.id.str() + "&ks=");
    }
    RtcWorld::Try in_query(w, "POST", w.endpoint("whip"), "", "application/sdp",
                           "token=" + w.key());
    in_query.body(data("ffmpeg-whip.sdp"));
    assert_int_equal(in_query.out.next, Outcome::Next::pass);
}

// What the client is told to come back with.
void a_challenge_says_what_was_wrong(void **) {
    RtcWorld w;
    struct Row {
        const char *bearer;
        bool error;
    };
    for (const Row &row : std::initializer_list<Row>{
             {"", false}, {"undefined", false}, {"ks_pub_wrong", true}}) {
        RtcWorld::Try t(w, "POST", w.endpoint("whip"), row.bearer);
        assert_int_equal(t.out.response.status, 401);
        std::string_view says = t.out.response.header("WWW-Authenticate");
        assert_true(says.starts_with("Bearer realm="));
        assert_int_equal(says.find("invalid_token") != std::string::npos,
                         row.error);
    }
}

void a_body_needs_a_length(void **) {
    RtcWorld w;
    codec::RequestView view;
    std::string uri = w.endpoint("whip");
    view.method = "POST";
    view.uri = uri;
    view.prefix_len = 8;
    view.request_id = "request-1";
    view.add_header("Content-Type", "application/sdp");
    codec::Request none(view);
    gate::Rtc rtc(w.config, w.access, w.limits, w.sessions, w.upstream,
                  w.tickets, w.events, w.loop);
    Outcome out = w.run(rtc.head(none));
    assert_int_equal(out.response.status, 411);
    view.add_header("Content-Length", "0"); // there is one: an empty offer
    codec::Request empty(view);
    gate::Rtc again(w.config, w.access, w.limits, w.sessions, w.upstream,
                    w.tickets, w.events, w.loop);
    out = w.run(again.head(empty));
    assert_int_equal(out.response.status, 401);
}

void bad_offers_leave_no_session(void **) {
    RtcWorld w;
    RtcWorld::Try empty(w, "POST", w.endpoint("whip"), w.key());
    assert_int_equal(empty.body("").response.status, 400);
    RtcWorld::Try vp8(w, "POST", w.endpoint("whip"), w.key());
    assert_int_equal(
        vp8.body(data("chromium-whip-only-vp8.sdp")).response.status, 422);
    assert_has(vp8.out.response.body, "H264");
    assert_false(w.live());
}

void asking_what_there_is(void **) {
    RtcWorld w;
    RtcWorld::Try options(w, "OPTIONS", w.endpoint("whip"));
    assert_int_equal(options.out.response.status, 200);
    assert_text(options.out.response.header("Accept-Post"), "application/sdp");
    RtcWorld::Try get(w, "GET", w.endpoint("whip"));
    assert_int_equal(get.out.response.status, 204);
    RtcWorld::Try head(w, "HEAD", w.endpoint("whep"));
    assert_int_equal(head.out.response.status, 200);
    assert_text(head.out.response.header("Content-Type"), "application/sdp");
}

// Whoever may use the stream is told of TURN, by the 201 and by OPTIONS.
void who_is_told_of_turn(void **) {
    RtcWorld w;
    assert_true(w.config
                    .directive({"ice_server", "turn:turn.example.org:3478",
                                "secret=north wind"})
                    .ok());
    auto links = [](const Outcome &out) {
        std::string all;
        for (const auto &h : out.response.headers) {
            all += h.name == "Link" ? h.value + "\n" : "";
        }
        return all;
    };
    auto options = [&](std::string_view what, std::string bearer) {
        RtcWorld::Try t(w, "OPTIONS", w.endpoint(what), std::move(bearer));
        assert_int_equal(t.out.response.status, 200);
        assert_has(links(t.out), "<stun:");
        return links(t.out).find("credential=") != std::string::npos;
    };
    assert_false(options("whip", ""));
    assert_false(options("whip", "undefined"));
    assert_false(options("whip", "ks_pub_wrong"));
    assert_false(options("whip", w.token(model::TokenKind::play)));
    assert_true(options("whip", w.key()));
    assert_false(options("whep", w.token(model::TokenKind::play))); // not live

    RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
    post.body(data("chromium-whip.sdp"));
    post.answer(201, kLocation);
    std::string given = links(post.out);
    assert_has(given, "<stun:");
    assert_has(given, "username=\"" +
                          std::to_string(w.loop.wall() / kSecond + 3600) + ":" +
                          w.id.str() + "\"");
}

// EventSource gives up for good at a 429.
void readers_that_come_back_are_not_counted(void **) {
    RtcWorld w;
    RtcWorld::Try post(w, "POST", w.endpoint("whip"), w.key());
    post.body(data("chromium-whip.sdp"));
    post.answer(201, kLocation);
    RtcWorld::Try play(w, "POST", w.endpoint("whep"));
    play.body(data("chromium-whep.sdp"));
    play.answer(201, kLocation);
    std::string session(play.out.response.header("Location"));

    assert_true(
        w.config.directive({"rate_limit", "session", "1r/m", "burst=1"}).ok());
    std::string feed;
    for (unsigned status : {201U, 201U, 429U}) {
        RtcWorld::Try made(w, "POST", session + "/events", "",
                           "application/json");
        if (status == 201) {
            made.body("[\"active\"]");
            feed = made.out.response.header("Location");
        }
        assert_int_equal(made.out.response.status, status);
    }
    for (int i = 0; i < 5; i++) {
        RtcWorld::Try read(w, "GET", feed);
        assert_int_equal(read.out.next, Outcome::Next::stream);
        assert_text(read.out.response.header("Content-Type"),
                    "text/event-stream");
    }
    RtcWorld::Try over(w, "DELETE", feed);
    assert_int_equal(over.out.response.status, 429);
}

void too_many_offers_are_turned_away(void **) {
    RtcWorld w;
    assert_true(
        w.config.directive({"rate_limit", "whip", "1r/m", "burst=1"}).ok());
    std::string key = w.key();
    for (unsigned status : {0U, 0U, 429U, 429U}) {
        RtcWorld::Try t(w, "POST", w.endpoint("whip"), key);
        bool let_in = t.out.next == Outcome::Next::body;
        assert_int_equal(let_in ? 0U : t.out.response.status, status);
        if (!let_in) {
            assert_has(t.out.response.header("RateLimit-Policy"),
                       "\"whip\";q=1;w=60");
            assert_true(!t.out.response.header("Retry-After").empty());
        }
    }
    assert_true(w.config.directive({"rate_limit", "off"}).ok());
    RtcWorld::Try t(w, "POST", w.endpoint("whip"), key);
    assert_int_equal(t.out.next, Outcome::Next::body);
}

// A node more or less moves only its own streams; a live one stays where it is.
void streams_stay_on_their_nodes(void **) {
    RtcWorld w;
    conf::Config less;
    assert_true(less.directive({"srs_node", "srs_a", "api=h:1"}).ok());
    assert_true(less.directive({"srs_node", "srs_c", "api=h:1"}).ok());
    int moved = 0;
    int on_b = 0;
    for (int i = 0; i < 300; i++) {
        gate::Decision d;
        d.stream.id = make_id(prefix::kStream, w.loop.entropy());
        auto before =
            gate::place(w.config, w.memory.zone(), d, model::Action::publish);
        auto after =
            gate::place(less, w.memory.zone(), d, model::Action::publish);
        on_b += before == "srs_b" ? 1 : 0;
        moved += before != after ? 1 : 0;
    }
    assert_int_equal(moved, on_b);
    assert_in_range(on_b, 60, 140);

    gate::Decision live;
    live.stream.id = w.id;
    live.publisher = Id("ses_x");
    live.node.assign("srs_c");
    assert_text(
        gate::place(w.config, w.memory.zone(), live, model::Action::play),
        "srs_c");
    live.node = {};
    assert_text(
        gate::place(w.config, w.memory.zone(), live, model::Action::play), "");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_whip_session_from_offer_to_delete),
        cmocka_unit_test(an_offer_whose_session_was_ended),
        cmocka_unit_test(what_the_media_server_does_wrong),
        cmocka_unit_test(what_the_proxy_says_of_a_node_is_not_sure),
        cmocka_unit_test(a_kick_frees_the_name),
        cmocka_unit_test(a_client_that_leaves_frees_the_name),
        cmocka_unit_test(refused_before_the_offer_is_read),
        cmocka_unit_test(the_forms_of_an_endpoint),
        cmocka_unit_test(a_challenge_says_what_was_wrong),
        cmocka_unit_test(a_body_needs_a_length),
        cmocka_unit_test(bad_offers_leave_no_session),
        cmocka_unit_test(asking_what_there_is),
        cmocka_unit_test(who_is_told_of_turn),
        cmocka_unit_test(readers_that_come_back_are_not_counted),
        cmocka_unit_test(too_many_offers_are_turned_away),
        cmocka_unit_test(streams_stay_on_their_nodes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
