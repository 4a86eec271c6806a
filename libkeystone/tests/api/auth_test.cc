// Accounts and login sessions: api.md, "Auth".
#include "support.h"

#include "api/login.h"

using namespace ks;
using namespace ks::test;

namespace {

const std::string kAuth = "/api/v1/auth/";

std::string credentials(std::string_view email, std::string_view password) {
    return "{\"email\":\"" + std::string(email) + "\",\"password\":\"" +
           std::string(password) + "\"}";
}

std::string cookie_of(const Answer &a) {
    std::string_view text = a.header("Set-Cookie");
    return std::string(text.substr(0, text.find(';')));
}

Answer refresh(ApiWorld &w, const std::string &token) {
    return w.post(kAuth + "refresh", "{\"refresh_token\":\"" + token + "\"}");
}

void an_account_from_first_to_last(void **) {
    ApiWorld w;
    Answer a = w.post(kAuth + "register",
                      credentials("Ann@Example.org", "correct horse"));
    assert_int_equal(a.status(), 201);
    assert_text(a.text("token_type"), "Bearer");
    assert_int_equal(a.json.integer("expires_in").value(), 900);
    assert_text(a.json["user"].string("email").value(), "ann@example.org");
    assert_text(a.json["user"].string("role").value(), "admin");
    assert_text(a.header("Cache-Control"), "no-store");

    a = w.post(kAuth + "login",
               credentials("ann@example.ORG", "correct horse"));
    assert_int_equal(a.status(), 200);
    std::string access = a.text("access_token");
    assert_text(w.get(kAuth + "me", access).text("email"), "ann@example.org");
    a = w.patch(kAuth + "me", R"({"name":"Ann"})", access);
    assert_text(a.text("name"), "Ann");
    assert_text(w.get(kAuth + "me", access).text("name"), "Ann");
    assert_text(w.patch(kAuth + "me", "{}", access).text("name"), "Ann");
    a = w.patch(kAuth + "me", R"({"email":"b@x.test","name":7})", access);
    assert_int_equal(a.status(), 422);
    assert_text(a.wrong(), "name:wrong_type email:unknown_member ");

    a = w.post(kAuth + "register",
               credentials("ANN@example.org", "another one"));
    assert_int_equal(a.status(), 409);
    assert_text(a.code(), "email_taken");
}

void what_may_be_registered(void **) {
    ApiWorld w;
    struct {
        const char *body;
        const char *code;
        const char *wrong;
    } rows[] = {
        {R"({})", "invalid_request", "email:required password:required "},
        {R"({"email":"x","password":"12345678"})", "invalid_request",
         "email:too_short "},
        {R"({"email":"a.b.c","password":"12345678"})", "invalid_request",
         "email:invalid_value "},
        {R"({"email":"a@b@c","password":"1234567"})", "invalid_request",
         "email:invalid_value password:weak_password "},
        {R"({"email":"a@b.c","password":"1234567"})", "weak_password",
         "password:weak_password "},
        {R"({"email":"a@b.test","password":"a@b.test"})", "weak_password",
         "password:weak_password "},
        {R"({"email":"a@b.c","password":"12345678","role":"admin"})",
         "invalid_request", "role:unknown_member "},
    };
    for (const auto &row : rows) {
        Answer a = w.post(kAuth + "register", row.body);
        assert_row(row.body, a.status() == 422);
        assert_row(row.body, a.code() == row.code);
        assert_row(row.body, a.wrong() == row.wrong);
    }
    Answer a = w.post(kAuth + "register",
                      credentials("a@b.test", std::string(257, 'x')));
    assert_text(a.code(), "weak_password");
}

void registration_may_be_closed(void **) {
    conf::Config c = api_config();
    c.registration_open = false;
    ApiWorld w(std::move(c));
    Answer a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    assert_int_equal(a.status(), 403);
    assert_text(a.code(), "registration_closed");
}

void the_unknown_and_the_wrong_look_alike(void **) {
    ApiWorld w;
    w.post(kAuth + "register", credentials("a@b.test", "right password"));
    auto &hashes = w.zone().counters();
    uint64_t before = hashes.get(zone::Counter::password_hashes);
    Answer wrong =
        w.post(kAuth + "login", credentials("a@b.test", "wrong password"));
    uint64_t between = hashes.get(zone::Counter::password_hashes);
    Answer unknown =
        w.post(kAuth + "login", credentials("nobody@b.test", "wrong password"));
    uint64_t after = hashes.get(zone::Counter::password_hashes);
    assert_int_equal(wrong.status(), 401);
    assert_text(wrong.code(), "invalid_credentials");
    assert_text(unknown.code(), "invalid_credentials");
    assert_text(unknown.text("detail"), wrong.text("detail"));
    assert_int_equal(between - before, after - between);
    assert_true(after > between);
    assert_int_equal(hashes.get(zone::Counter::logins_failed), 2);
}

void a_full_pool_is_overload(void **) {
    ApiWorld w;
    w.host.full = rt::Pool::hash;
    Answer a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    assert_int_equal(a.status(), 503);
    assert_text(a.code(), "overloaded");
    assert_text(a.header("Retry-After"), "1");
    w.host.full.reset();
    a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    assert_int_equal(a.status(), 201);
}

void refreshing_rotates_and_reuse_ends_the_family(void **) {
    ApiWorld w;
    Answer a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    std::string first = a.text("refresh_token");
    a = refresh(w, first);
    assert_int_equal(a.status(), 200);
    std::string second = a.text("refresh_token");
    assert_true(second != first && !second.empty());
    assert_int_equal(w.get(kAuth + "me", a.text("access_token")).status(), 200);

    a = refresh(w, first); // stolen, or a client that lost an answer
    assert_int_equal(a.status(), 401);
    assert_text(a.code(), "token_revoked");
    a = refresh(w, second);
    assert_int_equal(a.status(), 401);
    assert_text(a.code(), "token_revoked");

    assert_int_equal(refresh(w, "ks_nothing_like_it").status(), 401);
    assert_int_equal(w.post(kAuth + "refresh", "").status(), 401);
    assert_int_equal(w.post(kAuth + "refresh", "{}").status(), 401);
    a = w.post(kAuth + "refresh", R"({"refresh_token":7,"x":1})");
    assert_int_equal(a.status(), 422);
}

void a_refresh_token_ends_after_30_days(void **) {
    ApiWorld w;
    Answer a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    w.host.ahead += 30 * kDay + kSecond;
    a = refresh(w, a.text("refresh_token"));
    assert_int_equal(a.status(), 401);
    assert_text(a.code(), "token_expired");
}

void the_cookie_carries_it_too(void **) {
    ApiWorld w;
    Answer a = w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    std::string cookie = cookie_of(a);
    assert_text(cookie, "ks_refresh=" + a.text("refresh_token"));
    assert_text(std::string(a.header("Set-Cookie")).substr(cookie.size()),
                "; Path=/api/v1/auth; Max-Age=2592000; HttpOnly; "
                "SameSite=Strict");

    Answer b = w.ask(
        Ask{"POST", kAuth + "refresh"}.with("Cookie", "other=1; " + cookie));
    assert_int_equal(b.status(), 200);
    assert_true(cookie_of(b) != cookie);

    // Not from a page of somebody else's.
    Answer c = w.ask(Ask{"POST", kAuth + "refresh"}
                         .with("Cookie", cookie_of(b))
                         .with("Origin", "https://evil.test"));
    assert_int_equal(c.status(), 403);
    assert_text(c.code(), "origin_not_allowed");

    // A spent one is taken away.
    c = w.ask(Ask{"POST", kAuth + "refresh"}.with("Cookie", cookie));
    assert_int_equal(c.status(), 401);
    assert_true(c.header("Set-Cookie")
                    .starts_with("ks_refresh=; Path=/api/v1/auth; Max-Age=0"));
}

void nobody_locks_out_somebody_else(void **) {
    conf::Config c = api_config();
    c.rate_limits["login"] = {1, kHour, 1};
    ApiWorld w(std::move(c));
    w.post(kAuth + "register", credentials("a@b.test", "right password"));
    auto login = [&](std::string_view ip, std::string_view password) {
        Ask ask{"POST", kAuth + "login", credentials("A@b.test", password)};
        ask.ip = ip;
        return w.ask(ask).status();
    };
    assert_int_equal(login("192.0.2.1", "wrong password"), 401);
    assert_int_equal(login("192.0.2.1", "wrong password"), 401);
    assert_int_equal(login("192.0.2.1", "wrong password"), 429);
    assert_int_equal(login("192.0.2.2", "right password"), 200);
}

// From many addresses: a budget of its own, which only failures use up.
void failures_of_an_account_are_counted(void **) {
    ApiWorld w;
    w.post(kAuth + "register", credentials("a@b.test", "right password"));
    auto login = [&](std::string_view password) {
        Ask ask{"POST", kAuth + "login", credentials("a@b.test", password)};
        ask.ip = "192.0.2.2";
        return w.ask(ask);
    };
    auto filled = [&] {
        return w.zone().allow(api::kFailures, "a@b.test", w.loop.now(),
                              zone::Rate{0, 0});
    };
    assert_int_equal(login("right password").status(), 200);
    assert_int_equal(filled(), 0);
    zone::Rate rate{kHour * 1000, 0};
    w.zone().allow(api::kFailures, "a@b.test", w.loop.now(), rate);
    Answer a = login("right password");
    assert_int_equal(a.status(), 429);
    assert_true(std::stoi(std::string(a.header("Retry-After"))) > 3000);
    w.host.ahead += kHour;
    assert_int_equal(login("wrong password").status(), 401);
    assert_true(filled() > 0);
    assert_int_equal(login("right password").status(), 200);
}

void the_cookie_follows_mount_and_scheme(void **) {
    ApiWorld w;
    w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    Ask ask{"POST", "/v1/auth/login", credentials("a@b.test", "12345678")};
    ask.scheme = "https";
    Answer a = w.ask(ask);
    assert_int_equal(a.status(), 200);
    std::string_view cookie = a.header("Set-Cookie");
    assert_true(cookie.find("; Path=/v1/auth;") != std::string_view::npos);
    assert_true(cookie.ends_with("; Secure"));
}

void logging_out_ends_this_login_only(void **) {
    ApiWorld w;
    std::string me = credentials("a@b.test", "12345678");
    Answer one = w.post(kAuth + "register", me);
    Answer two = w.post(kAuth + "login", me);
    Answer three = w.post(kAuth + "login", me);

    Answer out = w.post(kAuth + "logout", "", one.text("access_token"));
    assert_int_equal(out.status(), 204);
    assert_true(out.header("Set-Cookie").starts_with("ks_refresh=;"));
    assert_int_equal(refresh(w, one.text("refresh_token")).status(), 401);

    out = w.post(kAuth + "logout",
                 "{\"refresh_token\":\"" + two.text("refresh_token") + "\"}");
    assert_int_equal(out.status(), 204);
    assert_int_equal(refresh(w, two.text("refresh_token")).status(), 401);

    assert_int_equal(refresh(w, three.text("refresh_token")).status(), 200);
    assert_int_equal(w.post(kAuth + "logout", "").status(), 401);
    // Again, with a login that is over: still out.
    out = w.post(kAuth + "logout", "", one.text("access_token"));
    assert_int_equal(out.status(), 204);
}

void a_new_password_ends_the_other_logins(void **) {
    ApiWorld w;
    Answer one =
        w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    Answer two = w.post(kAuth + "login", credentials("a@b.test", "12345678"));
    auto change = [&](std::string_view from, std::string_view to) {
        return w.post(kAuth + "password",
                      "{\"current_password\":\"" + std::string(from) +
                          "\",\"new_password\":\"" + std::string(to) + "\"}",
                      two.text("access_token"));
    };
    assert_text(change("wrong one", "87654321").code(), "invalid_credentials");
    assert_text(change("12345678", "short").code(), "weak_password");
    assert_text(change("12345678", "a@b.test").code(), "weak_password");
    assert_int_equal(change("12345678", "87654321").status(), 204);
    assert_int_equal(refresh(w, one.text("refresh_token")).status(), 401);
    assert_int_equal(refresh(w, two.text("refresh_token")).status(), 200);
    Answer a = w.post(kAuth + "login", credentials("a@b.test", "12345678"));
    assert_int_equal(a.status(), 401);
    a = w.post(kAuth + "login", credentials("a@b.test", "87654321"));
    assert_int_equal(a.status(), 200);
}

void logins_are_listed_and_ended(void **) {
    ApiWorld w;
    Answer one =
        w.post(kAuth + "register", credentials("a@b.test", "12345678"));
    w.host.ahead += 10;
    Ask login{"POST", kAuth + "login", credentials("a@b.test", "12345678")};
    Answer two = w.ask(login.with("User-Agent", "curl/7"));
    std::string access = two.text("access_token");
    Answer a = w.get(kAuth + "sessions", access);
    assert_int_equal(a.status(), 200);
    codec::Json data = a.json["data"];
    assert_int_equal(data.size(), 2);
    assert_text(data.at(0).string("user_agent").value(), "curl/7");
    assert_text(data.at(0).string("ip").value(), "192.0.2.7");
    assert_true(data.at(0).boolean("current").value());
    assert_false(data.at(1).boolean("current").value());
    assert_true(a.response.body.find(one.text("refresh_token")) ==
                std::string::npos);

    std::string path = kAuth + "sessions/" + data.at(1).string("id").value();
    std::string other = w.new_user("other@x.test");
    assert_int_equal(w.remove(path, other).status(), 404);
    assert_int_equal(w.remove(path, access).status(), 204);
    assert_int_equal(refresh(w, one.text("refresh_token")).status(), 401);
    assert_int_equal(w.get(kAuth + "sessions", access).json["data"].size(), 1);
    assert_int_equal(w.remove(path, access).status(), 404);
}

void an_account_that_is_gone_is_unauthorized(void **) {
    ApiWorld w;
    model::User nobody;
    nobody.id = Id("usr_0000000000000000000000");
    std::string token = w.token_of(nobody);
    assert_int_equal(w.get(kAuth + "me", token).status(), 401);
    assert_int_equal(w.post("/v1/streams", R"({"title":"x"})", token).status(),
                     401);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_account_from_first_to_last),
        cmocka_unit_test(what_may_be_registered),
        cmocka_unit_test(registration_may_be_closed),
        cmocka_unit_test(the_unknown_and_the_wrong_look_alike),
        cmocka_unit_test(a_full_pool_is_overload),
        cmocka_unit_test(refreshing_rotates_and_reuse_ends_the_family),
        cmocka_unit_test(a_refresh_token_ends_after_30_days),
        cmocka_unit_test(the_cookie_carries_it_too),
        cmocka_unit_test(nobody_locks_out_somebody_else),
        cmocka_unit_test(failures_of_an_account_are_counted),
        cmocka_unit_test(the_cookie_follows_mount_and_scheme),
        cmocka_unit_test(logging_out_ends_this_login_only),
        cmocka_unit_test(a_new_password_ends_the_other_logins),
        cmocka_unit_test(logins_are_listed_and_ended),
        cmocka_unit_test(an_account_that_is_gone_is_unauthorized),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
