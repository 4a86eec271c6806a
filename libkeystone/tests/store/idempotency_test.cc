#include "support.h"

using namespace ks;
using namespace ks::test;
using store::Claim;

namespace {

struct KeyWorld : StoreWorld {
    Claim claim(std::string_view body, std::string owner = "usr_a") {
        auto got =
            run(store->idempotency().claim(owner, "key-1", sha256(body)));
        assert_true(got.ok());
        return *got;
    }
    void finish(int status, std::string answer) {
        auto done = run(store->idempotency().finish("usr_a", "key-1", status,
                                                    std::move(answer)));
        assert_true(done.ok());
    }
};

void the_first_answer_is_given_again(void **) {
    KeyWorld w;
    assert_int_equal(w.claim("body").kind, Claim::mine);
    assert_int_equal(w.claim("body").kind, Claim::running);
    w.finish(201, "answer");
    Claim again = w.claim("body");
    assert_int_equal(again.kind, Claim::done);
    assert_int_equal(again.status, 201);
    assert_text(again.answer, "answer");
    assert_int_equal(w.claim("another body").kind, Claim::other);
    assert_int_equal(w.claim("body", "usr_b").kind, Claim::mine);
    w.host.ahead += store::kIdempotencyLife;
    assert_int_equal(w.claim("another body").kind, Claim::mine);
}

void a_claim_under_an_older_secret_is_the_same(void **) {
    KeyWorld w;
    assert_int_equal(w.claim("body").kind, Claim::mine);
    w.finish(201, "answer");
    std::vector<Sha256> older = {sha256("another"), sha256("body")};
    auto again = w.run(
        w.store->idempotency().claim("usr_a", "key-1", sha256("new"), older));
    assert_true(again.ok());
    assert_int_equal(again->kind, Claim::done);
    assert_text(again->answer, "answer");
    older.pop_back();
    again = w.run(
        w.store->idempotency().claim("usr_a", "key-1", sha256("new"), older));
    assert_true(again.ok());
    assert_int_equal(again->kind, Claim::other);
}

void what_failed_can_be_tried_again(void **) {
    KeyWorld w;
    assert_int_equal(w.claim("body").kind, Claim::mine);
    auto done = w.run(w.store->idempotency().forget("usr_a", "key-1"));
    assert_true(done.ok());
    assert_int_equal(w.claim("body").kind, Claim::mine);
}

void the_claim_of_a_dead_worker_is_taken_over(void **) {
    KeyWorld w;
    assert_int_equal(w.claim("body").kind, Claim::mine);
    w.host.ahead += store::Idempotency::kClaimLife;
    assert_int_equal(w.claim("body").kind, Claim::mine);
}

void old_ones_are_forgotten(void **) {
    KeyWorld w;
    w.claim("body");
    w.finish(201, "answer");
    auto purged = w.run(w.store->idempotency().purge());
    assert_true(purged.ok());
    assert_int_equal(*purged, 0);
    w.host.ahead += store::kIdempotencyLife;
    purged = w.run(w.store->idempotency().purge());
    assert_true(purged.ok());
    assert_int_equal(*purged, 1);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_is_given_again),
        cmocka_unit_test(a_claim_under_an_older_secret_is_the_same),
        cmocka_unit_test(what_failed_can_be_tried_again),
        cmocka_unit_test(the_claim_of_a_dead_worker_is_taken_over),
        cmocka_unit_test(old_ones_are_forgotten),
    };
    return on_both(tests);
}
