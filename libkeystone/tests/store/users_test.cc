#include "../support/processes.h"
#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

store::NewUser new_user(std::string email, bool admin = false) {
    store::NewUser wanted;
    wanted.email = std::move(email);
    wanted.name = "N";
    wanted.password_hash = "$argon2id$x";
    wanted.admin = admin;
    return wanted;
}

void the_first_user_is_admin(void **) {
    StoreWorld w;
    auto first = w.user("First@Example.org");
    auto second = w.user("second@example.org");
    assert_true(first.role == model::Role::admin);
    assert_true(second.role == model::Role::user);
    assert_text(first.email, "first@example.org");
    auto third = w.run(w.store->users().create(new_user("c@x.org", true)));
    assert_true(third.ok() && third->role == model::Role::admin);
}

void an_address_is_taken_in_any_case(void **) {
    StoreWorld w;
    w.user("a@example.org");
    auto again = w.run(w.store->users().create(new_user("A@EXAMPLE.ORG")));
    assert_code(again, email_taken);
    // The failed attempt left nothing: the next one is the second user.
    auto next = w.user("b@example.org");
    assert_true(next.role == model::Role::user);
}

void a_user_is_found_by_address_and_id(void **) {
    StoreWorld w;
    auto user = w.user("a@example.org");
    auto by_email = w.run(w.store->users().by_email("A@example.org"));
    assert_true(by_email.ok() && by_email->user.id == user.id);
    assert_text(by_email->password_hash, "$x");
    auto by_id = w.run(w.store->users().by_id(user.id));
    assert_true(by_id.ok());
    assert_text(by_id->email, "a@example.org");
    auto none = w.run(w.store->users().by_email("b@example.org"));
    assert_code(none, not_found);
    auto no_id = w.run(w.store->users().by_id(Id("usr_x")));
    assert_code(no_id, not_found);
}

void a_new_password_ends_the_other_logins(void **) {
    StoreWorld w;
    Id id = w.user("a@example.org").id;
    auto kept = w.run(w.store->logins().create(id, "::1", "a"));
    auto other = w.run(w.store->logins().create(id, "::1", "b"));
    assert_true(kept.ok() && other.ok());
    auto done =
        w.run(w.store->users().change_password(id, "$new", kept->login.id));
    assert_code(done, ok);
    auto user = w.run(w.store->users().with_hash(id));
    assert_true(user.ok());
    assert_text(user->password_hash, "$new");
    auto list = w.run(w.store->logins().list(id));
    assert_true(list.ok());
    assert_int_equal(list->size(), 1);
    assert_true((*list)[0].id == kept->login.id);
    auto none = w.run(w.store->users().change_password(Id("x"), "$", Id()));
    assert_code(none, not_found);
}

void names_change(void **) {
    StoreWorld w;
    Id id = w.user("a@example.org").id;
    auto got = w.run(w.store->users().set_name(id, "Ada"));
    assert_true(got.ok());
    assert_text(got->name, "Ada");
    auto none = w.run(w.store->users().set_name(Id("usr_x"), "Ada"));
    assert_code(none, not_found);
}

// As another worker: its own host, store and connections; a file is not there
// yet.  0: a user; 1: the admin; 2: failed.
int register_alone(const std::string &url, int number) {
    Runner runner;
    ZoneMemory memory;
    auto made = store::Store::make(url, memory.zone());
    if (!made.ok()) {
        return 2;
    }
    std::string email = "u" + std::to_string(number) + "@example.org";
    auto user = runner.run((*made)->users().create(new_user(email)));
    if (!user.ok()) {
        print_error("%s\n", user.error().detail.c_str());
        return 2;
    }
    return user->role == model::Role::admin ? 1 : 0;
}

void of_many_first_users_one_is_admin(void **) {
    TempDir dir;
    std::string url = ready_database(dir);
    int admins = 0;
    for (int status :
         in_processes(6, [&](int i) { return register_alone(url, i); })) {
        assert_true(status != 2);
        admins += status;
    }
    assert_int_equal(admins, 1);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(of_many_first_users_one_is_admin), // forks: first
        cmocka_unit_test(the_first_user_is_admin),
        cmocka_unit_test(an_address_is_taken_in_any_case),
        cmocka_unit_test(a_user_is_found_by_address_and_id),
        cmocka_unit_test(a_new_password_ends_the_other_logins),
        cmocka_unit_test(names_change),
    };
    return on_both(tests);
}
