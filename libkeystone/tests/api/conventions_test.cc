// What holds for every resource: api.md, "Conventions".
#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

const std::string kStreams = "/api/v1/streams";

void a_problem_has_all_its_members(void **) {
    ApiWorld w;
    Answer a = w.ask(Ask{"GET", "/api/v1/streams/str_0000000000000000000000"}
                         .as(w.new_user("a@x.test"))
                         .with("X-Request-Id", "asked-12345678"));
    assert_int_equal(a.status(), 404);
    assert_text(a.header("Content-Type"), "application/problem+json");
    assert_text(a.code(), "not_found");
    assert_text(a.text("type"), "urn:keystone:problem:not_found");
    assert_text(a.text("title"), "Not found");
    assert_int_equal(a.json.integer("status").value(), 404);
    assert_text(a.text("instance"),
                "/api/v1/streams/str_0000000000000000000000");
    assert_false(a.text("detail").empty());
    assert_text(a.header("X-Request-Id"), "asked-12345678");
    assert_text(a.header("Cache-Control"), "no-store");
    assert_text(a.header("X-Content-Type-Options"), "nosniff");
}

void the_request_id_is_taken_or_made(void **) {
    ApiWorld w;
    for (const char *bad : {"short", "has blank 12345", "semi;colon12"}) {
        Answer a =
            w.ask(Ask{"GET", "/v1/live-streams"}.with("X-Request-Id", bad));
        assert_true(codec::is_request_id(a.header("X-Request-Id")));
        assert_true(a.header("X-Request-Id") != bad);
    }
    std::string first(w.get("/v1/live-streams").header("X-Request-Id"));
    assert_true(w.get("/v1/live-streams").header("X-Request-Id") != first);
}

void paths_and_methods(void **) {
    ApiWorld w;
    assert_int_equal(w.get("/api/v1/nothing").status(), 404);
    assert_int_equal(w.get("/api/v2/streams").status(), 404);
    Answer a = w.ask(Ask{"PUT", kStreams});
    assert_int_equal(a.status(), 405);
    assert_text(a.code(), "method_not_allowed");
    assert_text(a.header("Allow"), "GET, HEAD, POST, OPTIONS");
    a = w.ask(Ask{"OPTIONS", kStreams});
    assert_int_equal(a.status(), 204);
    assert_text(a.header("Allow"), "GET, HEAD, POST, OPTIONS");
    a = w.ask(Ask{"HEAD", "/v1/live-streams"});
    assert_int_equal(a.status(), 200);
    assert_text(a.response.body, w.get("/v1/live-streams").response.body);
}

// What the client wrote before a "/v1/" of its own is no mount.
void the_path_does_not_write_headers(void **) {
    ApiWorld w;
    std::string token = w.new_user("a@x.test");
    const std::string evil = "/api/\r\nSet-Cookie: x=y\r\nX:/v1/";
    for (const char *path : {"auth/logout", "streams"}) {
        for (const char *location : {"/api/", ""}) {
            Ask ask{"POST", evil + path, R"({"title":"x"})"};
            ask.location = location;
            Answer a = w.ask(ask.as(token));
            assert_row(path, a.status() == 404);
            assert_row(path, a.code() == "not_found");
            for (const auto &header : a.response.headers) {
                assert_row(path, header.value.find('\n') == std::string::npos);
            }
        }
    }
    codec::RequestView v;
    v.method = "GET";
    v.uri = "/api/v1/x";
    codec::Response r = w.api.problem(v, 404, "id-12345678\r\nX: y");
    assert_true(codec::is_request_id(r.header("X-Request-Id")));
}

void who_asks_comes_before_what(void **) {
    ApiWorld w;
    std::string token = w.new_user("a@x.test");
    struct {
        const char *name;
        std::string authorization;
        const char *code;
    } rows[] = {
        {"none", "", "unauthorized"},
        {"another scheme", "Basic YTpi", "unauthorized"},
        {"no token", "Bearer", "unauthorized"},
        {"a stream's token", "Bearer ks_pub_0123", "unauthorized"},
        {"changed", "Bearer " + token + "x", "unauthorized"},
    };
    for (const auto &row : rows) {
        Ask ask{"POST", kStreams, "not json"};
        if (!row.authorization.empty()) {
            ask.with("Authorization", row.authorization);
        }
        Answer a = w.ask(ask);
        assert_row(row.name, a.status() == 401);
        assert_row(row.name, a.code() == row.code);
        assert_row(row.name,
                   a.header("WWW-Authenticate").starts_with("Bearer"));
        assert_row(row.name, !a.waited);
    }
    w.host.ahead += 16 * kMinute;
    Answer a = w.get(kStreams, token);
    assert_int_equal(a.status(), 401);
    assert_text(a.code(), "token_expired");
    assert_text(a.header("WWW-Authenticate"),
                "Bearer realm=\"keystone\", error=\"invalid_token\"");
}

void bodies(void **) {
    ApiWorld w;
    std::string token = w.new_user("a@x.test");
    struct {
        const char *name;
        const char *type;
        std::string body;
        unsigned status;
        const char *code;
        bool chunked;
    } rows[] = {
        {"form", "application/x-www-form-urlencoded", "title=a", 415,
         "unsupported_media_type", false},
        {"no type", "", "{}", 415, "unsupported_media_type", false},
        {"parameters", "application/json; charset=utf-8", R"({"title":"a"})",
         201, "", false},
        {"case", "Application/JSON", R"({"title":"a"})", 201, "", false},
        {"too large", "application/json", std::string(64 * 1024 + 1, ' '), 413,
         "payload_too_large", false},
        {"too large, chunked", "application/json",
         std::string(64 * 1024 + 1, ' '), 413, "payload_too_large", true},
        {"just fits", "application/json",
         R"({"title":"a"})" + std::string(64 * 1024 - 13, ' '), 201, "", false},
        {"no JSON", "application/json", "{\"title\":", 400, "invalid_json",
         false},
        {"empty", "application/json", "", 400, "invalid_json", false},
        {"twice", "application/json", R"({"title":"a","title":"b"})", 400,
         "invalid_json", false},
        {"an array", "application/json", "[]", 422, "invalid_request", false},
        {"wrong type", "application/json", R"({"title":1})", 422,
         "invalid_request", false},
        {"unknown member", "application/json", R"({"title":"a","x":1})", 422,
         "invalid_request", false},
        {"merge patch on POST", "application/merge-patch+json",
         R"({"title":"a"})", 415, "unsupported_media_type", false},
    };
    for (const auto &row : rows) {
        Ask ask{"POST", kStreams, row.body};
        ask.type = row.type;
        ask.chunked = row.chunked;
        Answer a = w.ask(ask.as(token));
        assert_row(row.name, a.status() == row.status);
        assert_row(row.name, a.code() == row.code);
    }
}

void lists_go_by_cursor(void **) {
    ApiWorld w;
    std::string token = w.new_user("a@x.test");
    for (int i = 1; i <= 5; i++) {
        w.post(kStreams, R"({"title":"s)" + std::to_string(i) + "\"}", token);
        w.host.ahead += 10;
    }
    auto titles = [](const Answer &a) {
        std::string all;
        codec::Json data = a.json["data"];
        for (size_t i = 0; i < data.size(); i++) {
            all += data.at(i).string("title").value_or("?") + " ";
        }
        return all;
    };
    Answer a = w.get(kStreams + "?limit=2", token);
    assert_text(titles(a), "s5 s4 ");
    std::string next = a.text("next_cursor");
    w.post(kStreams, R"({"title":"new"})", token);
    a = w.get(kStreams + "?limit=2&cursor=" + next, token);
    assert_text(titles(a), "s3 s2 ");
    a = w.get(kStreams + "?limit=2&cursor=" + a.text("next_cursor"), token);
    assert_text(titles(a), "s1 ");
    assert_true(a.json["next_cursor"].kind() == codec::Json::Kind::null);
    assert_text(titles(w.get(kStreams, token)), "new s5 s4 s3 s2 s1 ");

    for (const char *query : {"limit=0", "limit=101", "limit=x", "limit=1.5",
                              "limit=", "cursor=x", "cursor=", "cursor=AAAA"}) {
        Answer bad = w.get(kStreams + "?" + query, token);
        assert_row(query, bad.status() == 422);
        assert_row(query, bad.code() == "invalid_request");
    }
}

void cors(void **) {
    conf::Config c = api_config();
    c.cors_origins = {"https://app.example.org"};
    ApiWorld w(std::move(c));
    Answer a = w.ask(Ask{"OPTIONS", kStreams}
                         .with("Origin", "https://app.example.org")
                         .with("Access-Control-Request-Method", "POST"));
    assert_int_equal(a.status(), 204);
    assert_text(a.header("Access-Control-Allow-Origin"),
                "https://app.example.org");
    assert_text(a.header("Access-Control-Allow-Methods"),
                "GET, HEAD, POST, OPTIONS");
    a = w.ask(Ask{"GET", kStreams}.with("Origin", "https://app.example.org"));
    assert_int_equal(a.status(), 401); // a page may read the refusal, too
    assert_text(a.header("Access-Control-Allow-Origin"),
                "https://app.example.org");
    a = w.ask(Ask{"GET", "/v1/live-streams"}.with("Origin", "https://x.test"));
    assert_text(a.header("Access-Control-Allow-Origin"), "");
    assert_text(a.header("Vary"), "Origin");
}

void limits(void **) {
    conf::Config c = api_config();
    c.rate_limits["login"] = {1, kHour, 1};
    c.rate_limits["token"] = {1, kHour, 0};
    ApiWorld w(std::move(c));
    auto login = [&](std::string_view email) {
        return w.post("/v1/auth/login", "{\"email\":\"" + std::string(email) +
                                            "\",\"password\":\"x\"}");
    };
    assert_int_equal(login("a@x.test").status(), 401);
    assert_int_equal(login("b@x.test").status(), 401);
    Answer a = login("c@x.test"); // the address
    assert_int_equal(a.status(), 429);
    assert_text(a.code(), "rate_limited");
    assert_text(a.header("Content-Type"), "application/problem+json");
    std::string wait(a.header("Retry-After"));
    assert_true(std::stoi(wait) > 3000 && std::stoi(wait) <= 3600);
    assert_text(a.header("RateLimit-Policy"), "\"login\";q=1;w=3600");
    assert_text(a.header("RateLimit"), "\"login\";r=0;t=" + wait);
    // Minting is counted by user, other calls not at all.
    std::string ann = w.new_user("ann@x.test");
    std::string bob = w.new_user("bob@x.test");
    std::string none = "/v1/streams/str_0000000000000000000000/tokens";
    assert_int_equal(w.post(none, R"({"kind":"play"})", ann).status(), 404);
    assert_int_equal(w.post(none, R"({"kind":"play"})", ann).status(), 429);
    assert_int_equal(w.post(none, R"({"kind":"play"})", bob).status(), 404);
    assert_int_equal(w.get("/v1/streams", ann).status(), 200);
}

void limits_may_be_off(void **) {
    conf::Config c = api_config();
    c.rate_limits["login"] = {1, kMinute, 0};
    c.rate_limits_off = true;
    ApiWorld w(std::move(c));
    for (int i = 0; i < 3; i++) {
        Answer a =
            w.post("/v1/auth/login", R"({"email":"a@b.c","password":"x"})");
        assert_int_equal(a.status(), 401);
    }
}

void errors_of_the_server_around_us(void **) {
    ApiWorld w;
    codec::RequestView v;
    v.method = "GET";
    v.uri = "/api/v1/x";
    struct {
        unsigned status;
        const char *code;
    } rows[] = {
        {404, "not_found"},         {405, "method_not_allowed"},
        {413, "payload_too_large"}, {429, "rate_limited"},
        {500, "internal"},          {502, "upstream_error"},
        {503, "overloaded"},        {504, "upstream_timeout"},
        {400, "bad_request"},
    };
    for (const auto &row : rows) {
        codec::Response r = w.api.problem(v, row.status, "id-12345678");
        assert_row(row.code, r.status == row.status);
        assert_row(row.code, r.header("X-Request-Id") == "id-12345678");
        auto body = codec::parse_json(r.body);
        assert_row(row.code, body->string("code").value() == row.code);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_has_all_its_members),
        cmocka_unit_test(the_request_id_is_taken_or_made),
        cmocka_unit_test(paths_and_methods),
        cmocka_unit_test(the_path_does_not_write_headers),
        cmocka_unit_test(who_asks_comes_before_what),
        cmocka_unit_test(bodies),
        cmocka_unit_test(lists_go_by_cursor),
        cmocka_unit_test(cors),
        cmocka_unit_test(limits),
        cmocka_unit_test(limits_may_be_off),
        cmocka_unit_test(errors_of_the_server_around_us),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
