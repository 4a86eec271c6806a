#include "../support/processes.h"
#include "store/migrate.h"
#include "support.h"

using namespace ks;
using namespace ks::test;
using store::Migration;

namespace {

const Migration kOne[] = {{"0001_one", "CREATE TABLE one (a TEXT);\n"}};
const Migration kTwo[] = {{"0001_one", "CREATE TABLE one (a TEXT);\n"},
                          {"0002_two",
                           "-- more\nALTER TABLE one ADD b BIGINT;\n\n"
                           "CREATE TABLE two (\n    a TEXT\n);\n"
                           "INSERT INTO two VALUES ('x;y');\n"}};
const Migration kOther[] = {{"0001_one", "CREATE TABLE one (a BIGINT);\n"}};
const Migration kBroken[] = {
    {"0001_one", "CREATE TABLE one (a TEXT);\n"},
    {"0002_two", "CREATE TABLE two (a TEXT);\nCREATE TABLE one (a TEXT);\n"}};

struct MigrationWorld : Runner {
    TempDir dir;
    std::unique_ptr<sql::Database> db;

    MigrationWorld() {
        auto opened = sql::open(new_database(dir));
        db = std::move(*opened);
    }
    auto migrate(std::span<const Migration> known) {
        return run(store::migrate(*db, known));
    }
    bool has(const char *table) {
        static const sql::Statement kHas = {
            "has", "SELECT 1 FROM sqlite_master WHERE name = $1",
            sql::Access::read};
        const sql::Statement *has = db->engine().has_table;
        auto rows =
            run(db->query(has != nullptr ? *has : kHas, sql::params(table)));
        return rows.ok() && rows->size() == 1 && (*rows)[0].flag(0);
    }
};

void each_is_applied_once_in_order(void **) {
    MigrationWorld w;
    auto done = w.migrate(kOne);
    assert_true(done.ok());
    assert_int_equal(done->size(), 1);
    done = w.migrate(kTwo);
    assert_true(done.ok());
    assert_int_equal(done->size(), 1);
    assert_text((*done)[0].name, "0002_two");
    assert_int_equal((*done)[0].version, 2);
    assert_true(w.has("two"));
    done = w.migrate(kTwo);
    assert_true(done.ok() && done->empty());
}

void the_status_changes_nothing(void **) {
    MigrationWorld w;
    auto status = w.run(store::migration_status(*w.db, kTwo));
    assert_true(status.ok());
    assert_int_equal(status->size(), 2);
    assert_int_equal((*status)[0].applied_at, 0);
    assert_false(w.has("one"));
    assert_true(w.migrate(kOne).ok());
    status = w.run(store::migration_status(*w.db, kTwo));
    assert_true(status.ok());
    assert_true((*status)[0].applied_at != 0);
    assert_int_equal((*status)[1].applied_at, 0);
}

void a_newer_database_is_refused(void **) {
    MigrationWorld w;
    assert_true(w.migrate(kTwo).ok());
    auto done = w.migrate(kOne);
    assert_code(done, conflict);
    assert_true(done.error().detail.find("0002_two") != std::string::npos);
    assert_true(done.error().detail.find("newer") != std::string::npos);
}

void a_changed_text_is_refused(void **) {
    MigrationWorld w;
    assert_true(w.migrate(kOne).ok());
    auto done = w.migrate(kOther);
    assert_code(done, conflict);
    assert_true(done.error().detail.find("0001_one") != std::string::npos);
}

void one_that_fails_leaves_nothing(void **) {
    MigrationWorld w;
    auto broken = w.migrate(kBroken);
    assert_code(broken, internal);
    assert_has(broken.error().detail, "migration 0002_two cannot be applied");
    assert_has(broken.error().detail, "one");
    assert_has(broken.error().detail, "already exists");
    assert_true(w.has("one"));
    assert_false(w.has("two"));
    auto done = w.migrate(kTwo);
    assert_true(done.ok());
    assert_int_equal(done->size(), 1);
}

void a_list_of_another_program_is_left_alone(void **) {
    MigrationWorld w;
    static const sql::Statement kTheirs = {
        "", "CREATE TABLE schema_migrations (version TEXT, dirty TEXT)",
        sql::Access::write};
    assert_true(w.run(w.db->query(kTheirs, sql::Params())).ok());
    auto done = w.migrate(kOne);
    assert_code(done, conflict);
    assert_has(done.error().detail, "another program's");
    assert_false(w.has("one"));
}

void this_release_has_a_schema(void **) {
    MigrationWorld w;
    auto done = w.migrate(store::migrations());
    assert_true(done.ok());
    assert_int_equal(done->size(), store::migrations().size());
    for (const char *table : {"users", "logins", "refresh_tokens", "streams",
                              "tokens", "sessions", "idempotency", "changes"}) {
        assert_row(table, w.has(table));
    }
}

void of_many_at_once_each_migration_is_applied_by_one(void **) {
    TempDir dir;
    std::string url = new_database(dir);
    auto statuses = in_processes(4, [&](int) {
        Runner w;
        auto db = sql::open(url);
        auto done = w.run(store::migrate(**db, kTwo));
        return done.ok() ? static_cast<int>(done->size()) : 100;
    });
    int applied = 0;
    for (int status : statuses) {
        assert_true(status <= 2);
        applied += status;
    }
    assert_int_equal(applied, 2);
}

void a_shared_database_is_not_migrated_by_who_serves(void **) {
    MigrationWorld w;
    if (w.db->engine().migrates_itself) {
        return; // each_is_applied_once_in_order()
    }
    for (int applied : {0, 1}) {
        auto same = w.run(store::check_schema(*w.db, kTwo));
        assert_code(same, conflict);
        assert_has(same.error().detail, "keystonectl migrate");
        assert_has(same.error().detail, "0002_two");
        assert_false(w.has("schema_migrations") != (applied == 1));
        assert_true(w.migrate(applied == 0 ? std::span<const Migration>(kOne)
                                           : std::span<const Migration>(kTwo))
                        .ok());
    }
    assert_true(w.run(store::check_schema(*w.db, kTwo)).ok());
    auto newer = w.run(store::check_schema(*w.db, kOne));
    assert_code(newer, conflict);
    assert_has(newer.error().detail, "newer");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(of_many_at_once_each_migration_is_applied_by_one),
        cmocka_unit_test(each_is_applied_once_in_order),
        cmocka_unit_test(the_status_changes_nothing),
        cmocka_unit_test(a_newer_database_is_refused),
        cmocka_unit_test(a_changed_text_is_refused),
        cmocka_unit_test(one_that_fails_leaves_nothing),
        cmocka_unit_test(a_list_of_another_program_is_left_alone),
        cmocka_unit_test(this_release_has_a_schema),
        cmocka_unit_test(a_shared_database_is_not_migrated_by_who_serves),
    };
    return on_both(tests);
}
