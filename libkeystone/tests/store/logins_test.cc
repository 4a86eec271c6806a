#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

struct LoginWorld : StoreWorld {
    model::User owner = user("a@example.org");

    Result<store::Refreshed> login() {
        return run(store->logins().create(owner.id, "192.0.2.1", "curl"));
    }
    Result<store::Refreshed> rotate(const Secret &token) {
        return run(store->logins().rotate(token.copy(), "192.0.2.2", "wget"));
    }
};

void a_login_gives_a_token_and_its_user(void **) {
    LoginWorld w;
    auto got = w.login();
    assert_true(got.ok());
    assert_text(got->user.email, "a@example.org");
    assert_true(got->refresh_token.reveal().starts_with("ks_ref_"));
    assert_int_equal(got->expires_at,
                     got->login.created_at + store::kRefreshLife);
    auto none = w.run(w.store->logins().create(Id("usr_x"), "", ""));
    assert_code(none, not_found);
}

void a_token_rotates(void **) {
    LoginWorld w;
    auto first = w.login();
    w.host.ahead += kHour;
    auto second = w.rotate(first->refresh_token);
    assert_true(second.ok());
    assert_true(second->login.id == first->login.id);
    assert_false(second->refresh_token == first->refresh_token);
    assert_text(second->login.ip, "192.0.2.2");
    assert_true(second->login.last_used_at > first->login.last_used_at);
    auto third = w.rotate(second->refresh_token);
    assert_true(third.ok());
}

void a_used_one_again_ends_the_family(void **) {
    LoginWorld w;
    auto first = w.login();
    auto second = w.rotate(first->refresh_token);
    assert_true(second.ok());
    auto thief = w.rotate(first->refresh_token);
    assert_code(thief, token_revoked);
    auto owner = w.rotate(second->refresh_token);
    assert_code(owner, token_revoked);
    auto other = w.login(); // another family is not touched
    other = w.rotate(other->refresh_token);
    assert_true(other.ok());
}

void of_two_at_once_one_wins_and_the_family_ends(void **) {
    LoginWorld w;
    auto first = w.login();
    auto a = w.store->logins().rotate(first->refresh_token.copy(), "", "");
    auto b = w.store->logins().rotate(first->refresh_token.copy(), "", "");
    a.start();
    b.start();
    w.host.run(w.loop, [&] { return a.done() && b.done(); });
    auto got_a = a.take();
    auto got_b = b.take();
    assert_true(got_a.ok() != got_b.ok());
    assert_true(code_of(got_a) == Code::token_revoked ||
                code_of(got_b) == Code::token_revoked);
    auto list = w.run(w.store->logins().list(w.owner.id));
    assert_true(list.ok() && list->empty());
}

void time_and_strangers(void **) {
    LoginWorld w;
    auto first = w.login();
    w.host.ahead += store::kRefreshLife;
    auto late = w.rotate(first->refresh_token);
    assert_code(late, token_expired);
    Secret stranger("ks_ref_nobody");
    auto unknown = w.rotate(stranger);
    assert_code(unknown, unauthorized);
}

void a_login_ends_by_token_or_id(void **) {
    LoginWorld w;
    auto one = w.login();
    auto two = w.login();
    auto old = w.rotate(two->refresh_token);
    auto done =
        w.run(w.store->logins().end_by_token(two->refresh_token.copy()));
    assert_code(done, ok);
    auto gone = w.rotate(old->refresh_token);
    assert_code(gone, token_revoked);

    Id other = w.user("b@example.org").id;
    done = w.run(w.store->logins().end(other, one->login.id));
    assert_code(done, not_found); // another user's
    done = w.run(w.store->logins().end(w.owner.id, one->login.id));
    assert_code(done, ok);
    done = w.run(w.store->logins().end(w.owner.id, one->login.id));
    assert_code(done, not_found);
    gone = w.rotate(one->refresh_token);
    assert_code(gone, token_revoked);
}

void what_ended_long_ago_is_forgotten(void **) {
    LoginWorld w;
    auto one = w.login();
    auto two = w.login();
    auto done = w.run(w.store->logins().end(w.owner.id, one->login.id));
    assert_code(done, ok);
    auto purged = w.run(w.store->logins().purge(w.host.wall() + kMinute));
    assert_true(purged.ok());
    auto gone = w.rotate(one->refresh_token);
    assert_code(gone, unauthorized); // with its tokens
    auto kept = w.rotate(two->refresh_token);
    assert_true(kept.ok());
}

int64_t count_tokens(LoginWorld &w) {
    static const sql::Statement kCount = {
        "", "SELECT count(*) FROM refresh_tokens", sql::Access::read};
    auto rows = w.run(w.store->database().query(kCount, {}));
    assert_true(rows.ok());
    return (*rows)[0].number(0);
}

void a_login_that_lives_does_not_grow(void **) {
    LoginWorld w;
    auto last = w.login();
    for (int day = 0; day < 50; day++) {
        w.host.ahead += kDay;
        last = w.rotate(last->refresh_token);
        assert_code(last, ok);
    }
    assert_int_equal(count_tokens(w), 51);
    auto purged = w.run(w.store->logins().purge(w.host.wall() - 7 * kDay));
    assert_true(purged.ok());
    assert_int_equal(*purged, 0);
    // Those of the last 30 days: a thief who brings one ends the login.
    assert_in_range(count_tokens(w), 29, 31);
    last = w.rotate(last->refresh_token);
    assert_code(last, ok);
}

void an_expired_one_is_still_called_so(void **) {
    LoginWorld w;
    auto one = w.login();
    w.host.ahead += store::kRefreshLife + kMinute;
    auto purged = w.run(w.store->logins().purge(w.host.wall() - 7 * kDay));
    assert_true(purged.ok());
    auto late = w.rotate(one->refresh_token);
    assert_code(late, token_expired);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_login_gives_a_token_and_its_user),
        cmocka_unit_test(a_token_rotates),
        cmocka_unit_test(a_used_one_again_ends_the_family),
        cmocka_unit_test(of_two_at_once_one_wins_and_the_family_ends),
        cmocka_unit_test(time_and_strangers),
        cmocka_unit_test(a_login_ends_by_token_or_id),
        cmocka_unit_test(what_ended_long_ago_is_forgotten),
        cmocka_unit_test(a_login_that_lives_does_not_grow),
        cmocka_unit_test(an_expired_one_is_still_called_so),
    };
    return on_both(tests);
}
