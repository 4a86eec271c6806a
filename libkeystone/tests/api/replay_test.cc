// Idempotency-Key: api.md, "Conventions".
#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

const std::string kStreams = "/api/v1/streams";

struct Keyed : ApiWorld {
    std::string ann = new_user("ann@x.test");
    std::string bob = new_user("bob@x.test");

    Answer make(std::string body, std::string key, const std::string &who) {
        return ask(Ask{"POST", kStreams, std::move(body)}.as(who).with(
            "Idempotency-Key", std::move(key)));
    }
    size_t count(const std::string &who) {
        host.ahead += 1001;
        return get(kStreams + "?limit=100", who).json["data"].size();
    }
};

void the_first_answer_comes_again(void **) {
    Keyed w;
    Answer a = w.make(R"({"title":"One"})", "key-1", w.ann);
    assert_int_equal(a.status(), 201);
    assert_text(a.header("Idempotency-Replayed"), "");
    Answer b = w.make(R"({"title":"One"})", "key-1", w.ann);
    assert_int_equal(b.status(), 201);
    assert_text(b.header("Idempotency-Replayed"), "true");
    assert_text(b.response.body, a.response.body); // with the stream key
    assert_text(b.header("Location"), a.header("Location"));
    assert_true(b.header("X-Request-Id") != a.header("X-Request-Id"));
    assert_int_equal(w.count(w.ann), 1);
    // Another key, another user: another stream.
    w.make(R"({"title":"One"})", "key-2", w.ann);
    w.make(R"({"title":"One"})", "key-1", w.bob);
    assert_int_equal(w.count(w.ann), 2);
    assert_int_equal(w.count(w.bob), 1);
}

void another_request_is_a_conflict(void **) {
    Keyed w;
    Answer a = w.make(R"({"title":"One"})", "key-1", w.ann);
    Answer b = w.make(R"({"title":"Two"})", "key-1", w.ann);
    assert_int_equal(b.status(), 409);
    assert_text(b.code(), "idempotency_mismatch");
    b = w.ask(Ask{"POST", kStreams + "/" + a.text("id") + "/reset-key"}
                  .as(w.ann)
                  .with("Idempotency-Key", "key-1"));
    assert_int_equal(b.status(), 409);
    assert_int_equal(w.count(w.ann), 1);
}

void a_refusal_is_not_kept(void **) {
    Keyed w;
    Answer a = w.make(R"({"titel":"One"})", "key-1", w.ann);
    assert_int_equal(a.status(), 422);
    a = w.make(R"({"title":"One"})", "key-1", w.ann);
    assert_int_equal(a.status(), 201);
}

void a_day_later_it_is_new(void **) {
    Keyed w;
    w.make(R"({"title":"One"})", "key-1", w.ann);
    w.host.ahead += kDay + kMinute;
    model::User user = *w.run(w.store->users().by_id(
        Id(w.run(w.store->users().by_email("ann@x.test"))->user.id)));
    std::string fresh = w.token_of(user);
    Answer a = w.make(R"({"title":"One"})", "key-1", fresh);
    assert_int_equal(a.status(), 201);
    assert_text(a.header("Idempotency-Replayed"), "");
}

void what_is_kept_cannot_be_read(void **) {
    Keyed w;
    Answer a = w.make(R"({"title":"One"})", "key-1", w.ann);
    std::string key = a.text("stream_key");
    for (const char *name : {"k.db", "k.db-wal"}) {
        std::ifstream in(w.dir.file(name), std::ios::binary);
        std::stringstream all;
        all << in.rdbuf();
        assert_true(all.str().size() > 1000);
        assert_true(all.str().find(key) == std::string::npos);
        assert_true(all.str().find(key.substr(8)) == std::string::npos);
    }
}

void it_comes_again_when_the_secret_was_changed(void **) {
    Keyed w;
    Answer a = w.make(R"({"title":"One"})", "key-1", w.ann);
    assert_int_equal(a.status(), 201);
    conf::Config rotated;
    rotated.jwt_secrets.emplace_back("unit-test-5b1e73a9c0d2f846-the-next");
    rotated.jwt_secrets.emplace_back(kJwtSecret);
    api::Api next(rotated, *w.store, w.zone(), w.sessions, w.loop);
    auto again = [&](const char *body) {
        return ask_of(w, next,
                      Ask{"POST", kStreams, body}.as(w.ann).with(
                          "Idempotency-Key", "key-1"));
    };
    Answer b = again(R"({"title":"One"})");
    assert_int_equal(b.status(), 201);
    assert_text(b.header("Idempotency-Replayed"), "true");
    assert_text(b.response.body, a.response.body);
    assert_text(again(R"({"title":"Two"})").code(), "idempotency_mismatch");
}

void keys_are_checked(void **) {
    Keyed w;
    for (const std::string &key :
         {std::string(129, 'k'), std::string("a b"), std::string("\xc3\xa4")}) {
        Answer a = w.make(R"({"title":"One"})", key, w.ann);
        assert_row(key, a.status() == 422);
    }
    assert_int_equal(w.count(w.ann), 0);
}

void two_at_once_do_it_once(void **) {
    Keyed w;
    auto start = [&](std::string_view body, api::Api &api) {
        codec::RequestView v;
        v.method = "POST";
        v.uri = kStreams;
        v.body_len = static_cast<int64_t>(body.size());
        std::string bearer = "Bearer " + w.ann;
        v.add_header("Authorization", bearer);
        v.add_header("Content-Type", "application/json");
        v.add_header("Idempotency-Key", "key-1");
        api::Step step = api.begin(v);
        api::Api::set_body(*step.call, body);
        auto task = api.run(step.call);
        task.start();
        return task;
    };
    // Two through this worker, one through another one.
    api::Api other(w.config, *w.store, w.zone(), w.sessions, w.loop);
    auto a = start(R"({"title":"One"})", w.api);
    auto b = start(R"({"title":"One"})", w.api);
    auto c = start(R"({"title":"One"})", other);
    w.until([&] { return a.done() && b.done() && c.done(); });
    codec::Response first = a.take();
    assert_int_equal(first.status, 201);
    assert_text(b.take().body, first.body);
    codec::Response third = c.take();
    if (third.status == 201) {
        assert_text(third.body, first.body);
    } else {
        assert_int_equal(third.status, 409);
        assert_text(third.header("Retry-After"), "1");
    }
    assert_int_equal(w.count(w.ann), 1);
}

void the_work_goes_on_when_the_client_leaves(void **) {
    Keyed w;
    {
        std::string body = R"({"title":"One"})";
        codec::RequestView v;
        v.method = "POST";
        v.uri = kStreams;
        v.body_len = static_cast<int64_t>(body.size());
        std::string bearer = "Bearer " + w.ann;
        v.add_header("Authorization", bearer);
        v.add_header("Content-Type", "application/json");
        v.add_header("Idempotency-Key", "key-1");
        api::Step step = w.api.begin(v);
        api::Api::set_body(*step.call, body);
        auto task = w.api.run(step.call);
        task.start();
    } // gone before the store has answered
    w.until([&] { return w.loop.spawned() == 0; });
    Answer a = w.make(R"({"title":"One"})", "key-1", w.ann);
    assert_int_equal(a.status(), 201);
    assert_text(a.header("Idempotency-Replayed"), "true");
    assert_int_equal(w.count(w.ann), 1);
}

void registering_twice_is_registering_once(void **) {
    Keyed w;
    auto again = [&](const char *password) {
        std::string body =
            R"({"email":"new@x.test","password":")" + std::string(password);
        return w.ask(Ask{"POST", "/api/v1/auth/register", body + "\"}"}.with(
            "Idempotency-Key", "register-1"));
    };
    Answer a = again("correct horse");
    assert_int_equal(a.status(), 201);
    Answer b = again("correct horse");
    assert_int_equal(b.status(), 201);
    assert_text(b.text("refresh_token"), a.text("refresh_token"));
    assert_text(b.header("Set-Cookie"), a.header("Set-Cookie"));
    assert_int_equal(again("another horse").status(), 409);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_comes_again),
        cmocka_unit_test(another_request_is_a_conflict),
        cmocka_unit_test(a_refusal_is_not_kept),
        cmocka_unit_test(a_day_later_it_is_new),
        cmocka_unit_test(what_is_kept_cannot_be_read),
        cmocka_unit_test(it_comes_again_when_the_secret_was_changed),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(two_at_once_do_it_once),
        cmocka_unit_test(the_work_goes_on_when_the_client_leaves),
        cmocka_unit_test(registering_twice_is_registering_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
