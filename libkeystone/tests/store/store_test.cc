// The store as a whole: while the database is away, and beside others.
#include "support.h"

#include "store/migrate.h"

using namespace ks;
using namespace ks::test;

namespace {

void a_bad_url_is_refused_before_anything_runs(void **) {
    ZoneMemory memory;
    auto made = store::Store::make("mysql://x", memory.zone());
    assert_false(made.ok());
}

void calls_made_while_it_opens_wait(void **) {
    Runner w;
    TempDir dir;
    ZoneMemory memory;
    auto made = store::Store::make("sqlite:" + dir.file("k.db"), memory.zone());
    (*made)->start();
    assert_false((*made)->state().ready);
    auto user = w.run((*made)->users().by_id(Id("usr_x")));
    assert_code(user, not_found);
    assert_true((*made)->state().ready);
}

void it_opens_when_the_cause_is_gone(void **) {
    Runner w;
    TempDir dir;
    ZoneMemory memory;
    auto made =
        store::Store::make("sqlite:" + dir.file("sub/k.db"), memory.zone());
    store::Store &store = **made;
    store.start();
    auto user = w.run(store.users().by_id(Id("usr_x")));
    assert_code(user, store_unavailable);
    assert_true(user.error().retry_after_s > 0);
    assert_false(store.state().ready);
    assert_true(store.state().trouble.find("sub does not exist") !=
                std::string::npos);
    assert_true(store.state().since > 0);
    auto again = store.users().by_id(Id("usr_x"));
    again.start();
    assert_true(again.done()); // at once, nothing is tried
    assert_int_equal(w.host.lines.size(), 1);

    std::filesystem::create_directory(dir.file("sub"));
    w.until([&] { return store.state().ready; });
    user = w.run(store.users().by_id(Id("usr_x")));
    assert_code(user, not_found);
    assert_text(store.state().trouble, "");
}

void a_newer_schema_is_said_and_not_used(void **) {
    StoreWorld w;
    static const sql::Statement kNewer = {
        "", "INSERT INTO schema_migrations VALUES (999, '0999_later', 'x', 1)",
        sql::Access::write};
    auto added = w.run(w.store->database().query(kNewer, sql::Params()));
    assert_true(added.ok());
    ZoneMemory memory;
    auto made = store::Store::make(w.url, memory.zone());
    auto opened = w.run((*made)->open());
    assert_false(opened.ok());
    assert_true(opened.error().detail.find("0999_later") != std::string::npos);
    auto user = w.run((*made)->users().by_id(Id("usr_x")));
    assert_code(user, store_unavailable);

    // Who served before goes on, and hears of changes, also after an outage.
    size_t lines = w.host.lines.size();
    for (int i = 0; i < 3; i++) {
        assert_true(w.run(w.store->open()).ok());
    }
    assert_int_equal(w.host.lines.size(), lines + 1);
    assert_has(w.host.lines.back(), "goes on");
    user = w.run(w.store->users().by_id(Id("usr_x")));
    assert_code(user, not_found);
}

struct AwayWorld : StoreWorld {
    Id stream_id = stream(user("a@example.org").id).stream.id;
    Sha256 good = token(stream_id).token.hash;
    store::CreatedToken bad = token(stream_id);

    void warm() {
        assert_true(run(store->streams().get(stream_id)).ok());
        assert_true(run(store->tokens().facts(good)).ok());
        assert_true(run(store->tokens().facts(bad.token.hash)).ok());
    }
    void take_away() {
        std::filesystem::rename(dir.file("k.db"), dir.file("away"));
    }
    void bring_back() {
        std::filesystem::rename(dir.file("away"), dir.file("k.db"));
    }
};

void what_was_known_is_given_while_the_database_is_away(void **) {
    AwayWorld w;
    w.warm();
    assert_true(w.run(w.store->tokens().revoke(w.bad.token.id)).ok());
    w.take_away();
    w.host.ahead += store::kFresh; // no longer fresh, but nobody to ask
    auto facts = w.run(w.store->streams().facts(w.stream_id));
    assert_true(facts.ok() && facts->exists);
    auto row = w.run(w.store->streams().get(w.stream_id));
    assert_true(row.ok());
    assert_text(row->title, "T");
    auto good = w.run(w.store->tokens().facts(w.good));
    assert_true(good.ok() && good->exists);
    // What was revoked is not, nor what nobody knew.
    auto bad = w.run(w.store->tokens().facts(w.bad.token.hash));
    assert_code(bad, store_unavailable);
    auto cold = w.run(w.store->tokens().facts(sha256("other")));
    assert_code(cold, store_unavailable);
    // And nothing is changed.
    auto off = w.run(w.store->streams().set_enabled(w.stream_id, false));
    assert_code(off, store_unavailable);
    assert_false(w.store->state().ready);

    w.host.ahead += store::kStaleFor;
    good = w.run(w.store->tokens().facts(w.good));
    assert_code(good, store_unavailable);

    w.bring_back();
    good = w.run(w.store->tokens().facts(w.good));
    assert_true(good.ok() && good->exists);
    bad = w.run(w.store->tokens().facts(w.bad.token.hash));
    assert_true(bad.ok() && bad->revoked_at != 0);
}

void the_log_is_not_flooded(void **) {
    AwayWorld w;
    w.take_away();
    size_t before = w.host.lines.size();
    for (int i = 0; i < 50; i++) {
        auto got = w.run(w.store->users().by_id(Id("usr_x")));
        assert_code(got, store_unavailable);
    }
    assert_int_equal(w.host.lines.size(), before + 1);
    w.host.ahead += kSecond;
    assert_code(w.run(w.store->users().by_id(Id("usr_x"))), store_unavailable);
    assert_int_equal(w.host.lines.size(), before + 2);
}

void one_question_for_all_who_ask(void **) {
    AwayWorld w;
    uint64_t before =
        w.memory.zone().counters().get(zone::Counter::store_queries);
    std::vector<rt::Task<Result<model::TokenFacts>>> tasks;
    for (int i = 0; i < 100; i++) {
        tasks.push_back(w.store->tokens().facts(w.good));
        tasks.back().start();
    }
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        assert_true(task.take()->exists);
    }
    assert_int_equal(
        w.memory.zone().counters().get(zone::Counter::store_queries),
        before + 1);
}

// Another host, or keystonectl: the same file, another zone.
struct Others : StoreWorld {
    ZoneMemory other_memory;
    std::unique_ptr<store::Store> other;
    std::vector<store::Change> told;
    auto known() {
        auto made = store::Store::make(url, other_memory.zone());
        other = std::move(*made);
        other->on_change([this](const store::Change &c) { told.push_back(c); });
        other->start();
    }
};

void a_change_is_felt_by_others_within_a_second(void **) {
    Others w;
    Id id = w.stream(w.user("a@example.org").id).stream.id;
    auto token = w.token(id);
    w.known();
    auto facts = w.run(w.other->tokens().facts(token.token.hash));
    assert_true(facts.ok() && facts->revoked_at == 0);
    auto row = w.run(w.other->streams().facts(id));
    assert_true(row.ok() && row->enabled);
    Millis looked = w.host.PollHost::now(); // it knows what is there by now
    w.until([&] {
        return w.host.PollHost::now() >= looked + store::Changes::kEvery;
    });
    assert_int_equal(w.told.size(), 0);

    Millis began = w.host.PollHost::now();
    assert_true(w.run(w.store->tokens().revoke(token.token.id)).ok());
    assert_true(w.run(w.store->streams().set_enabled(id, false)).ok());
    model::TokenFacts cached;
    model::StreamFacts stream;
    w.until([&] {
        return !w.other->tokens().facts_cached(token.token.hash, cached) &&
               !w.other->streams().facts_cached(id, stream);
    });
    assert_true(w.host.PollHost::now() - began <= kSecond);
    w.until([&] { return w.told.size() == 2; });
    for (const store::Change &c : w.told) {
        assert_true(c.stream_id == id);
        assert_true(c.kind == store::ChangeKind::stream_disabled ||
                    c.token_id == token.token.id);
    }
    auto reset = w.run(w.store->streams().reset_key(id));
    assert_true(reset.ok());
    w.until([&] { return w.told.size() == 3; }); // once each
    assert_true(w.told[2].kind == store::ChangeKind::token_revoked);
    assert_true(w.run(w.store->streams().remove(id)).ok());
    w.until([&] { return w.told.size() == 4; });
    assert_true(w.told[3].kind == store::ChangeKind::stream_removed);
}

void what_is_enabled_again_is_not_told_as_disabled(void **) {
    StoreWorld w;
    Id id = w.stream(w.user("a@example.org").id).stream.id;
    store::Cache cache(w.memory.zone());
    store::Changes changes(w.store->database(), cache);
    std::vector<store::ChangeKind> told;
    changes.told = [&](const store::Change &c) { told.push_back(c.kind); };
    assert_true(w.run(changes.poll()).ok());
    assert_true(w.run(w.store->streams().set_enabled(id, false)).ok());
    assert_true(w.run(changes.poll()).ok());
    assert_int_equal(told.size(), 1);
    assert_true(told[0] == store::ChangeKind::stream_disabled);

    assert_true(w.run(w.store->streams().set_enabled(id, false)).ok());
    assert_true(w.run(w.store->streams().set_enabled(id, true)).ok());
    assert_true(w.run(changes.poll()).ok());
    assert_int_equal(told.size(), 3);
    assert_true(told[1] == store::ChangeKind::stream_changed);
    assert_true(told[2] == store::ChangeKind::stream_changed);
}

// The worker that made it was killed before it could say so; the zone is older
// than the one that looks now.
void what_changed_before_the_first_look_is_told(void **) {
    StoreWorld w;
    Id id = w.stream(w.user("a@example.org").id).stream.id;
    assert_true(w.run(w.store->streams().set_enabled(id, false)).ok());
    store::Cache cache(w.memory.zone());
    store::Changes changes(w.store->database(), cache);
    std::vector<store::ChangeKind> told;
    changes.told = [&](const store::Change &c) { told.push_back(c.kind); };
    assert_true(w.run(changes.poll()).ok());
    assert_true(w.run(changes.poll()).ok());
    assert_int_equal(told.size(), 1);
    assert_true(told[0] == store::ChangeKind::stream_disabled);
}

// However often it is called, it goes far back twice a second only.
void what_comes_with_an_old_time_is_told_soon(void **) {
    StoreWorld w;
    store::Cache cache(w.memory.zone());
    store::Changes changes(w.store->database(), cache);
    int told = 0;
    changes.told = [&](const store::Change &) { told++; };
    auto write = [&](WallMs at) {
        store::Change change;
        change.kind = store::ChangeKind::session_ended;
        sql::Batch batch;
        batch.push_back(store::announce(change, at, w.loop.entropy()));
        assert_true(w.run(w.store->database().batch(std::move(batch))).ok());
    };
    assert_true(w.run(changes.poll()).ok());
    write(w.loop.wall() - store::kOverlap / 2);
    write(w.loop.wall());
    assert_true(w.run(changes.poll()).ok());
    assert_true(told >= 1); // on a slow machine both
    w.host.ahead += store::Changes::kEvery;
    assert_true(w.run(changes.poll()).ok());
    assert_int_equal(told, 2);
}

// More than one answer of a database holds, many of one moment.
void of_many_changes_none_is_left_out(void **) {
    StoreWorld w;
    constexpr size_t kMany = sql::Database::kMaxRows + 50;
    static const sql::Statement kMake = {
        "",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < CAST($1 AS BIGINT)) INSERT INTO changes (id, at, kind,"
        " stream_id, token_id, token_hash, session_id) SELECT 'chg_' ||"
        " CAST(1000000 + i AS TEXT), CAST($2 AS BIGINT) + i / 5000,"
        " 'session_ended', '', '', '', 'ses_' || CAST(1000000 + i AS TEXT)"
        " FROM n",
        sql::Access::write};
    auto made = w.run(w.store->database().query(
        kMake, sql::params(static_cast<int64_t>(kMany), w.loop.wall())));
    assert_true(made.ok());
    store::Cache cache(w.memory.zone());
    store::Changes changes(w.store->database(), cache);
    size_t told = 0;
    Id last;
    changes.told = [&](const store::Change &c) {
        told++;
        last = c.session_id;
    };
    assert_true(w.run(changes.poll()).ok());
    assert_int_equal(told, kMany);
    assert_text(last.view(), "ses_1010050");
    assert_true(w.run(changes.poll()).ok()); // each once
    assert_int_equal(told, kMany);
}

void an_older_fill_does_not_undo_a_change(void **) {
    AwayWorld w;
    // The look-up reads before, and fills after the change.
    auto slow = w.store->streams().facts(w.stream_id);
    slow.start();
    auto off = w.store->streams().set_enabled(w.stream_id, false);
    off.start();
    w.host.run(w.loop, [&] { return slow.done() && off.done(); });
    assert_true(slow.take().ok());
    assert_true(off.take().ok());
    auto now = w.run(w.store->streams().facts(w.stream_id));
    assert_true(now.ok() && !now->enabled);
}

void a_row_in_the_zone_is_read_only_if_it_is_whole(void **) {
    model::Stream stream;
    stream.id = Id("str_a");
    stream.title = "T";
    stream.allowed_origins = {"https://a", "https://b"};
    std::string packed = store::pack(stream, 77);
    model::Stream back;
    Millis read_at = 0;
    assert_true(store::unpack(packed, back, read_at));
    assert_int_equal(read_at, 77);
    assert_int_equal(back.allowed_origins.size(), 2);
    for (size_t cut = 0; cut < packed.size(); cut++) {
        std::string_view part = std::string_view(packed).substr(0, cut);
        assert_false(store::unpack(part, back, read_at));
    }
    assert_false(store::unpack(packed + "x", back, read_at));
}

} // namespace

int main() {
    const CMUnitTest of_a_file[] = {
        cmocka_unit_test(a_bad_url_is_refused_before_anything_runs),
        cmocka_unit_test(calls_made_while_it_opens_wait),
        cmocka_unit_test(it_opens_when_the_cause_is_gone),
        cmocka_unit_test(what_was_known_is_given_while_the_database_is_away),
        cmocka_unit_test(the_log_is_not_flooded),
    };
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_schema_is_said_and_not_used),
        cmocka_unit_test(one_question_for_all_who_ask),
        cmocka_unit_test(a_change_is_felt_by_others_within_a_second),
        cmocka_unit_test(what_is_enabled_again_is_not_told_as_disabled),
        cmocka_unit_test(what_changed_before_the_first_look_is_told),
        cmocka_unit_test(what_comes_with_an_old_time_is_told_soon),
        cmocka_unit_test(of_many_changes_none_is_left_out),
        cmocka_unit_test(an_older_fill_does_not_undo_a_change),
        cmocka_unit_test(a_row_in_the_zone_is_read_only_if_it_is_whole),
    };
    int failed = cmocka_run_group_tests(of_a_file, nullptr, nullptr);
    return failed + on_both(tests);
}
