#include "store/password.h"

#include "../support/fake_host.h"
#include "../support/test.h"

#include <ctime>

using namespace ks;

namespace {

void a_password_fits_its_own_hash_only(void **) {
    test::CountingEntropy entropy;
    Secret password("correct horse");
    std::string hash =
        store::hash_password(password, store::make_salt(entropy));
    assert_true(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_true(store::verify_password(password, hash));
    assert_false(store::verify_password(Secret("correct horsf"), hash));
    assert_false(store::verify_password(Secret(""), hash));
    assert_false(store::verify_password(password, "$argon2id$broken"));
    std::string other =
        store::hash_password(password, store::make_salt(entropy));
    assert_false(hash == other); // salted
}

double cpu_ms() {
    return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void an_unknown_user_costs_as_much(void **) {
    test::CountingEntropy entropy;
    Secret password("correct horse");
    std::string hash =
        store::hash_password(password, store::make_salt(entropy));
    double known = 0;
    double unknown = 0;
    for (int i = 0; i < 5; i++) {
        double start = cpu_ms();
        assert_true(store::verify_password(password, hash));
        known += cpu_ms() - start;
        start = cpu_ms();
        assert_false(store::verify_password(password, ""));
        unknown += cpu_ms() - start;
    }
    assert_true(unknown > known * 0.5 && unknown < known * 2);
}

void weaker_hashes_are_made_anew(void **) {
    struct Row {
        const char *hash;
        bool needs;
    } rows[] = {
        {"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", false},
        {"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", false},
        {"$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA", true},
        {"$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA", true},
        {"$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", true},
        {"$argon2id$v=19$x$c2FsdA$aGFzaA", true},
        {"", true},
    };
    for (auto &row : rows) {
        assert_row(row.hash, store::needs_rehash(row.hash) == row.needs);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_password_fits_its_own_hash_only),
        cmocka_unit_test(an_unknown_user_costs_as_much),
        cmocka_unit_test(weaker_hashes_are_made_anew),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
