#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

void a_stream_comes_back_as_it_was_made(void **) {
    StoreWorld w;
    Id owner = w.user("a@example.org").id;
    model::Stream wanted;
    wanted.owner_id = owner;
    wanted.title = "Caf\xc3\xa9 'quoted' %";
    wanted.description = "two\nlines";
    wanted.visibility = model::Visibility::private_;
    wanted.max_viewers = 7;
    wanted.reconnect_window_seconds = 11;
    wanted.takeover = model::Takeover::replace;
    wanted.allowed_origins = {"https://a.example", "https://b.example:8443"};
    wanted.metadata = R"({"a":1})";
    auto made = w.run(w.store->streams().create(wanted));
    assert_true(made.ok());
    assert_true(made->key.reveal().starts_with("ks_pub_"));
    assert_text(made->stream.key_prefix, made->key.reveal().substr(0, 12));

    for (int round = 0; round < 2; round++) { // database, then zone
        auto got = w.run(w.store->streams().get(made->stream.id));
        assert_true(got.ok());
        assert_text(got->title, wanted.title);
        assert_text(got->description, wanted.description);
        assert_true(got->visibility == model::Visibility::private_);
        assert_true(got->enabled);
        assert_int_equal(got->max_viewers, 7);
        assert_int_equal(got->reconnect_window_seconds, 11);
        assert_true(got->takeover == model::Takeover::replace);
        assert_int_equal(got->allowed_origins.size(), 2);
        assert_text(got->allowed_origins[1], "https://b.example:8443");
        assert_text(got->metadata, wanted.metadata);
        assert_int_equal(got->version, 1);
        assert_true(got->owner_id == owner);
        assert_int_equal(got->created_at, made->stream.created_at);
    }
    model::Stream cached;
    assert_true(w.store->streams().cached(made->stream.id, cached));
    assert_text(cached.title, wanted.title);
}

void a_stream_needs_an_owner(void **) {
    StoreWorld w;
    model::Stream wanted;
    wanted.owner_id = Id("usr_0000000000000000000000");
    auto made = w.run(w.store->streams().create(wanted));
    assert_code(made, not_found);
}

void facts_are_cached_and_a_change_takes_them_out(void **) {
    StoreWorld w;
    Id id = w.stream(w.user("a@example.org").id).stream.id;
    model::StreamFacts facts;
    assert_false(w.store->streams().facts_cached(id, facts));
    auto got = w.run(w.store->streams().facts(id));
    assert_true(got.ok() && got->exists && got->enabled);
    assert_true(w.store->streams().facts_cached(id, facts));

    auto off = w.run(w.store->streams().set_enabled(id, false));
    assert_true(off.ok() && !off->enabled);
    assert_false(w.store->streams().facts_cached(id, facts));
    got = w.run(w.store->streams().facts(id));
    assert_true(got.ok() && !got->enabled);
}

void what_does_not_exist_is_a_fact_for_a_short_time(void **) {
    StoreWorld w;
    Id id("str_0000000000000000000000");
    auto got = w.run(w.store->streams().facts(id));
    assert_true(got.ok() && !got->exists);
    model::StreamFacts facts;
    assert_true(w.store->streams().facts_cached(id, facts));
    w.host.ahead += store::kFreshAbsent;
    assert_false(w.store->streams().facts_cached(id, facts));
    auto row = w.run(w.store->streams().get(id));
    assert_code(row, not_found);
}

void a_patch_changes_what_it_names(void **) {
    StoreWorld w;
    Id id = w.stream(w.user("a@example.org").id, "Old").stream.id;
    store::StreamPatch patch;
    patch.title = "New";
    patch.allowed_origins.emplace();
    patch.max_viewers = 0;
    auto got = w.run(w.store->streams().patch(id, patch));
    assert_true(got.ok());
    assert_text(got->title, "New");
    assert_int_equal(got->reconnect_window_seconds, 30);
    assert_int_equal(got->version, 2);

    patch.title = "Newer";
    got = w.run(w.store->streams().patch(id, patch, 1));
    assert_code(got, precondition_failed);
    got = w.run(w.store->streams().patch(id, patch, 2));
    assert_true(got.ok());
    assert_int_equal(got->version, 3);
    Id other("str_0000000000000000000000");
    got = w.run(w.store->streams().patch(other, patch, 2));
    assert_code(got, not_found);
}

void a_stream_goes_with_its_tokens(void **) {
    StoreWorld w;
    auto made = w.stream(w.user("a@example.org").id);
    Id id = made.stream.id;
    auto token = w.token(id);
    Sha256 hash = token.token.hash;
    auto facts = w.run(w.store->tokens().facts(hash));
    assert_true(facts.ok() && facts->exists);

    auto gone = w.run(w.store->streams().remove(id, 9));
    assert_code(gone, precondition_failed);
    facts = w.run(w.store->tokens().facts(hash));
    assert_true(facts.ok() && facts->exists); // undone with the rest

    gone = w.run(w.store->streams().remove(id, 1));
    assert_code(gone, ok);
    facts = w.run(w.store->tokens().facts(hash));
    assert_true(facts.ok() && !facts->exists);
    auto row = w.run(w.store->streams().get(id));
    assert_code(row, not_found);
    gone = w.run(w.store->streams().remove(id));
    assert_code(gone, not_found);
}

void a_new_key_ends_the_old_one(void **) {
    StoreWorld w;
    auto made = w.stream(w.user("a@example.org").id);
    Sha256 old_hash = sha256(made.key.reveal());
    auto before = w.run(w.store->tokens().facts(old_hash));
    assert_true(before.ok() && before->exists && before->stream_key);
    assert_int_equal(before->revoked_at, 0);

    auto reset = w.run(w.store->streams().reset_key(made.stream.id));
    assert_true(reset.ok());
    assert_false(reset->key == made.key);
    assert_text(reset->stream.title, "T");
    assert_int_equal(reset->stream.version, 2);
    auto after = w.run(w.store->tokens().facts(old_hash));
    assert_true(after.ok() && after->revoked_at != 0);
    auto fresh = w.run(w.store->tokens().facts(sha256(reset->key.reveal())));
    assert_true(fresh.ok() && fresh->exists && fresh->revoked_at == 0);
    assert_true(fresh->stream_id == made.stream.id);

    Id other("str_0000000000000000000000");
    auto none = w.run(w.store->streams().reset_key(other));
    assert_code(none, not_found);
}

void pages_are_stable_while_rows_are_added(void **) {
    StoreWorld w;
    Id a = w.user("a@example.org").id;
    Id b = w.user("b@example.org").id;
    for (int i = 0; i < 7; i++) {
        w.stream(a, "A" + std::to_string(i)); // many in one millisecond
    }
    w.stream(b, "of b");
    store::StreamFilter filter;
    filter.owner = a;
    store::PageAsk ask;
    ask.limit = 3;
    std::vector<std::string> seen;
    for (int page = 0; page < 3; page++) {
        auto got = w.run(w.store->streams().list(filter, ask));
        assert_true(got.ok());
        assert_int_equal(got->rows.size(), page < 2 ? 3 : 1);
        for (auto &row : got->rows) {
            seen.push_back(row.title);
        }
        assert_int_equal(got->next.has_value(), page < 2);
        if (got->next) {
            auto parsed = store::Cursor::parse(got->next->text());
            assert_true(parsed.has_value());
            ask.after = *parsed;
        }
        w.stream(a, "new");
    }
    std::sort(seen.begin(), seen.end());
    assert_int_equal(seen.size(), 7);
    for (size_t i = 0; i < seen.size(); i++) {
        assert_text(seen[i], "A" + std::to_string(i));
    }
}

void lists_filter(void **) {
    StoreWorld w;
    Id a = w.user("a@example.org").id;
    Id b = w.user("b@example.org").id;
    Id one = w.stream(a, "Morning 100%").stream.id;
    w.stream(a, "Evening 100x");
    w.stream(b, "Morning of b");
    store::StreamPatch patch;
    patch.visibility = model::Visibility::public_;
    patch.enabled = false;
    auto patched = w.run(w.store->streams().patch(one, patch));
    assert_true(patched.ok());

    struct Row {
        const char *name;
        store::StreamFilter filter;
        size_t count;
    };
    Row rows[] = {
        {"all", {}, 3},
        {"of a", {a, {}, {}, ""}, 2},
        {"part of the title", {{}, {}, {}, "mORNing"}, 2},
        {"a percent sign is itself", {{}, {}, {}, "100%"}, 1},
        {"public", {{}, model::Visibility::public_, {}, ""}, 1},
        {"private", {{}, model::Visibility::private_, {}, ""}, 0},
        {"disabled", {{}, {}, false, ""}, 1},
        {"enabled of a", {a, {}, true, ""}, 1},
    };
    for (const Row &row : rows) {
        auto got = w.run(w.store->streams().list(row.filter, {}));
        assert_row(row.name, got.ok());
        assert_row(row.name, got->rows.size() == row.count);
        assert_row(row.name, !got->next);
    }
}

void cursors_are_checked(void **) {
    store::Cursor cursor;
    cursor.created_at = 1'700'000'000'123;
    cursor.id = Id("str_0123456789abcdefghijkl");
    auto back = store::Cursor::parse(cursor.text());
    assert_true(back.has_value());
    assert_int_equal(back->created_at, cursor.created_at);
    assert_true(back->id == cursor.id);
    const char *broken[] = {"", "x", "!!", "MTIz", "MTIzLg", "LnN0cl8"};
    for (const char *text : broken) {
        assert_row(text, !store::Cursor::parse(text));
    }
}

void touching_is_not_a_change(void **) {
    StoreWorld w;
    Id id = w.stream(w.user("a@example.org").id).stream.id;
    auto done = w.run(w.store->streams().touch(id, 500));
    assert_code(done, ok);
    done = w.run(w.store->streams().touch(id, 400));
    assert_code(done, ok);
    auto got = w.run(w.store->streams().get(id));
    assert_true(got.ok());
    assert_int_equal(got->last_active_at, 500);
    assert_int_equal(got->version, 1);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_comes_back_as_it_was_made),
        cmocka_unit_test(a_stream_needs_an_owner),
        cmocka_unit_test(facts_are_cached_and_a_change_takes_them_out),
        cmocka_unit_test(what_does_not_exist_is_a_fact_for_a_short_time),
        cmocka_unit_test(a_patch_changes_what_it_names),
        cmocka_unit_test(a_stream_goes_with_its_tokens),
        cmocka_unit_test(a_new_key_ends_the_old_one),
        cmocka_unit_test(pages_are_stable_while_rows_are_added),
        cmocka_unit_test(lists_filter),
        cmocka_unit_test(cursors_are_checked),
        cmocka_unit_test(touching_is_not_a_change),
    };
    return on_both(tests);
}
