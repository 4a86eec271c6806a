#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

struct TokenWorld : StoreWorld {
    Id stream_id = stream(user("a@example.org").id).stream.id;
};

void a_token_comes_back_as_it_was_made(void **) {
    TokenWorld w;
    model::Token wanted;
    wanted.stream_id = w.stream_id;
    wanted.kind = model::TokenKind::play;
    wanted.label = "for the wall";
    wanted.viewer_ref = "seat 12";
    wanted.max_uses = 3;
    wanted.allowed_ips = {"10.0.0.0/8", "::1"};
    wanted.allowed_origins = {"https://a.example"};
    wanted.expires_at = w.host.wall() + kHour;
    auto made = w.run(w.store->tokens().create(wanted));
    assert_true(made.ok());
    assert_true(made->text.reveal().starts_with("ks_play_"));
    assert_true(made->text.reveal().size() <= 48);

    auto facts = w.run(w.store->tokens().facts(sha256(made->text.reveal())));
    assert_true(facts.ok() && facts->exists);
    assert_true(facts->id == made->token.id);
    assert_true(facts->stream_id == w.stream_id);
    assert_true(facts->kind == model::TokenKind::play);
    assert_false(facts->stream_key);
    assert_int_equal(facts->max_uses, 3);
    assert_int_equal(facts->expires_at, wanted.expires_at);
    assert_text(facts->allowed_ips.view(), "10.0.0.0/8 ::1");
    assert_text(facts->viewer_ref.view(), "seat 12");

    auto row = w.run(w.store->tokens().by_id(made->token.id));
    assert_true(row.ok());
    assert_text(row->label, "for the wall");
    assert_true(row->hash == sha256(made->text.reveal()));
}

void a_token_needs_a_stream(void **) {
    TokenWorld w;
    model::Token wanted;
    wanted.stream_id = Id("str_0000000000000000000000");
    auto made = w.run(w.store->tokens().create(wanted));
    assert_code(made, not_found);
}

void an_unknown_text_is_a_fact(void **) {
    TokenWorld w;
    Sha256 hash = sha256("ks_play_nobody_made_this");
    auto facts = w.run(w.store->tokens().facts(hash));
    assert_true(facts.ok() && !facts->exists);
    model::TokenFacts cached;
    assert_true(w.store->tokens().facts_cached(hash, cached));
    assert_false(cached.exists);
}

void revoking_is_felt_at_once_and_is_idempotent(void **) {
    TokenWorld w;
    auto made = w.token(w.stream_id);
    auto facts = w.run(w.store->tokens().facts(made.token.hash));
    assert_true(facts.ok() && facts->revoked_at == 0);
    auto revoked = w.run(w.store->tokens().revoke(made.token.id));
    assert_true(revoked.ok() && revoked->revoked_at != 0);
    assert_true(revoked->stream_id == w.stream_id);
    facts = w.run(w.store->tokens().facts(made.token.hash));
    assert_true(facts.ok() && facts->revoked_at == revoked->revoked_at);

    w.host.ahead += kSecond;
    auto again = w.run(w.store->tokens().revoke(made.token.id));
    assert_true(again.ok());
    assert_int_equal(again->revoked_at, revoked->revoked_at);
    auto none = w.run(w.store->tokens().revoke(Id("tok_x")));
    assert_code(none, not_found);
}

void the_last_use_is_given_once(void **) {
    TokenWorld w;
    auto made = w.token(w.stream_id, 2);
    // All at the same time: only the database can tell who came first.
    std::vector<rt::Task<Result<void>>> tasks;
    for (int i = 0; i < 8; i++) {
        tasks.push_back(w.store->tokens().spend_use(made.token.id));
        tasks.back().start();
    }
    int spent = 0;
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        auto result = task.take();
        if (result.ok()) {
            spent++;
        } else {
            assert_code(result, token_revoked);
        }
    }
    assert_int_equal(spent, 2);
    auto facts = w.run(w.store->tokens().facts(made.token.hash));
    assert_true(facts.ok());
    assert_int_equal(facts->uses, 2);
}

void spending_says_why_not(void **) {
    TokenWorld w;
    auto expired = w.token(w.stream_id, 1, w.host.wall() - 1);
    auto result = w.run(w.store->tokens().spend_use(expired.token.id));
    assert_code(result, token_expired);
    auto revoked = w.token(w.stream_id, 1);
    auto done = w.run(w.store->tokens().revoke(revoked.token.id));
    assert_true(done.ok());
    result = w.run(w.store->tokens().spend_use(revoked.token.id));
    assert_code(result, token_revoked);
    result = w.run(w.store->tokens().spend_use(Id("tok_x")));
    assert_code(result, unauthorized);
    auto open = w.token(w.stream_id);
    for (int i = 0; i < 3; i++) {
        result = w.run(w.store->tokens().spend_use(open.token.id));
        assert_code(result, ok);
    }
}

void lists_have_no_keys_and_are_newest_first(void **) {
    TokenWorld w;
    std::vector<Id> made;
    for (int i = 0; i < 3; i++) {
        made.push_back(w.token(w.stream_id).token.id);
        w.host.ahead += 10;
    }
    store::PageAsk ask;
    ask.limit = 2;
    auto page = w.run(w.store->tokens().list(w.stream_id, ask));
    assert_true(page.ok() && page->next);
    assert_int_equal(page->rows.size(), 2);
    assert_true(page->rows[0].id == made[2]);
    assert_true(page->rows[1].id == made[1]);
    ask.after = *page->next;
    page = w.run(w.store->tokens().list(w.stream_id, ask));
    assert_true(page.ok() && !page->next);
    assert_int_equal(page->rows.size(), 1);
    assert_true(page->rows[0].id == made[0]);
}

void purging_keeps_keys_and_what_is_good(void **) {
    TokenWorld w;
    WallMs now = w.host.wall();
    w.token(w.stream_id, 0, now - kDay);
    w.token(w.stream_id, 0, now + kDay);
    w.token(w.stream_id);
    auto reset = w.run(w.store->streams().reset_key(w.stream_id));
    assert_true(reset.ok());
    auto purged = w.run(w.store->tokens().purge(now + kMinute));
    assert_true(purged.ok());
    assert_int_equal(*purged, 1);
    auto facts = w.run(w.store->tokens().facts(sha256(reset->key.reveal())));
    assert_true(facts.ok() && facts->exists);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_as_it_was_made),
        cmocka_unit_test(a_token_needs_a_stream),
        cmocka_unit_test(an_unknown_text_is_a_fact),
        cmocka_unit_test(revoking_is_felt_at_once_and_is_idempotent),
        cmocka_unit_test(the_last_use_is_given_once),
        cmocka_unit_test(spending_says_why_not),
        cmocka_unit_test(lists_have_no_keys_and_are_newest_first),
        cmocka_unit_test(purging_keeps_keys_and_what_is_good),
    };
    return on_both(tests);
}
