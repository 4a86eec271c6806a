#include "support.h"

#include "../support/fake_host.h"
#include "sql/sqlite.h"

#include <sqlite3.h>

using namespace ks;
using namespace ks::test;
using sql::Expect;

namespace {

void values_come_back(void **) {
    SqlWorld w;
    static const sql::Statement kEcho = {"echo", "SELECT $2, $1, $3, $1",
                                         sql::Access::read};
    std::string text("a\0b \xc3\xa9", 6);
    auto rows = w.query(kEcho, text, int64_t{-5} << 40, sql::Value());
    assert_true(rows.ok());
    assert_int_equal(rows->size(), 1);
    sql::Row row = (*rows)[0];
    assert_int_equal(row.number(0), int64_t{-5} << 40);
    assert_text(row.text(1), text);
    assert_text(row.text(2), "");
    assert_int_equal(row.number(2), 0);
    assert_text(row.text(3), text);     // one parameter, two places
    assert_int_equal(row.number(3), 0); // a getter of the wrong kind
}

void a_broken_rule_is_a_conflict_that_is_named(void **) {
    SqlWorld w;
    assert_code(w.query(kAdd, "a", 1), ok);
    auto again = w.query(kAdd, "a", 1);
    assert_code(again, conflict);
    assert_text(again.error().detail, "t.k");
    assert_true(w.db->health().usable);
}

void a_wrong_statement_is_our_fault(void **) {
    SqlWorld w;
    static const sql::Statement kWrong = {"wrong", "SELEKT 1",
                                          sql::Access::read};
    auto rows = w.query(kWrong);
    assert_code(rows, internal);
    assert_true(rows.error().detail.find("SELEKT") == std::string::npos);
    assert_int_equal(w.host.lines.size(), 1); // the log has it
    rows = w.query(kAdd, "too few");
    assert_code(rows, internal);
}

void a_batch_is_done_or_not(void **) {
    SqlWorld w;
    sql::Batch good;
    good.emplace_back(kAdd, sql::params("a", 1));
    good.emplace_back(kBump, sql::params("a", 5), Expect::rows);
    auto done = w.run(w.db->batch(good));
    assert_true(done.ok() && done->done());
    assert_int_equal(done->rows.size(), 2);
    assert_int_equal(done->rows[1][0].number(0), 6);

    sql::Batch stops;
    stops.emplace_back(kAdd, sql::params("b", 1));
    stops.emplace_back(kBump, sql::params("nobody", 5), Expect::rows);
    stops.emplace_back(kAdd, sql::params("c", 1));
    auto stopped = w.run(w.db->batch(stops));
    assert_true(stopped.ok() && !stopped->done());
    assert_int_equal(stopped->stopped_at, 1);
    assert_int_equal(w.count(), 1);

    sql::Batch breaks;
    breaks.emplace_back(kAdd, sql::params("b", 1));
    breaks.emplace_back(kAdd, sql::params("a", 1));
    auto broke = w.run(w.db->batch(breaks));
    assert_code(broke, conflict);
    assert_int_equal(w.count(), 1);
    assert_code(w.query(kAdd, "b", 1), ok); // no transaction is left open
}

void many_at_once_all_get_their_turn(void **) {
    SqlWorld w;
    assert_code(w.query(kAdd, "a", 0), ok);
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (int i = 0; i < 200; i++) {
        bool reads = i % 3 == 0;
        tasks.push_back(w.db->query(
            reads ? kAll : kBump, reads ? sql::Params() : sql::params("a", 1)));
        tasks.back().start();
    }
    int bumps = 0;
    for (size_t i = 0; i < tasks.size(); i++) {
        w.host.run(w.loop, [&] { return tasks[i].done(); });
        auto got = tasks[i].take();
        assert_code(got, ok);
        bumps += i % 3 != 0;
    }
    auto rows = w.query(kAll);
    assert_int_equal((*rows)[0].number(1), bumps);
}

void too_many_are_refused(void **) {
    FakeHost host;
    rt::Loop loop(host);
    TempDir dir;
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (size_t i = 0; i < sql::Sqlite::kMaxWaiting + 2; i++) {
        tasks.push_back((*db)->query(kCreate, sql::Params()));
        tasks.back().start();
    }
    assert_true(tasks.back().done());
    assert_code(tasks.back().take(), overloaded);
    tasks.pop_back();
    assert_false(tasks.back().done());
    assert_int_equal(host.jobs.size(), 1); // one writer
    tasks.clear();                         // all leave: only the job is left
    host.settle(loop);
    assert_int_equal(host.alarms[0], kNever);
}

void a_full_pool_is_overload(void **) {
    FakeHost host;
    host.max_jobs = 0;
    rt::Loop loop(host);
    TempDir dir;
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    auto task = (*db)->query(kCreate, sql::Params());
    assert_true(task.start());
    assert_code(task.take(), overloaded);
    assert_true((*db)->health().usable);
}

void an_answer_that_does_not_come_is_given_up(void **) {
    FakeHost host;
    rt::Loop loop(host);
    TempDir dir;
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    auto task = (*db)->query(kCreate, sql::Params());
    task.start();
    std::deque<rt::Job *> stuck;
    stuck.swap(host.jobs); // the thread has it and does not answer
    host.advance(loop, sql::Database::kDeadline - 1);
    assert_false(task.done());
    host.advance(loop, 1);
    assert_true(task.done());
    auto got = task.take();
    assert_code(got, store_unavailable);
    assert_true(got.error().retry_after_s > 0);

    // Who comes meanwhile waits for the connection, and gets it.
    auto next = (*db)->query(kAdd, sql::params("a", 1));
    next.start();
    assert_int_equal(host.jobs.size(), 0);
    stuck.front()->run();
    stuck.front()->done();
    host.settle(loop);
    assert_true(next.done());
    assert_code(next.take(), ok);
}

void destroying_it_leaves_running_work_alone(void **) {
    FakeHost host;
    rt::Loop loop(host);
    TempDir dir;
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    auto task = (*db)->query(kCreate, sql::Params());
    task.start();
    task.destroy();
    db->reset();
    host.settle(loop);
    assert_true(std::filesystem::exists(dir.file("k.db")));
    // Closed by the last who had it: no log is left behind.
    assert_false(std::filesystem::exists(dir.file("k.db-wal")));
}

void results_are_bounded(void **) {
    SqlWorld w;
    static const sql::Statement kEndless = {
        "endless",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT x FROM c",
        sql::Access::read};
    auto rows = w.query(kEndless);
    assert_true(rows.ok());
    assert_int_equal(rows->size(), sql::Database::kMaxRows);
}

void a_query_without_end_is_stopped(void **) {
    SqlWorld w;
    static const sql::Statement kSpins = {
        "spins",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT count(*) FROM c",
        sql::Access::read};
    Millis began = w.host.now();
    assert_code(w.query(kSpins), store_unavailable);
    Millis took = w.host.now() - began;
    assert_true(took >= sql::Database::kDeadline - 50);
    assert_true(took < sql::Database::kDeadline + 2 * kSecond);
    w.until([&] { return !w.db->health().usable; }); // the thread is back
    assert_int_equal(w.count(), 0);
    assert_true(w.db->health().usable);
}

void another_process_that_writes_is_waited_for(void **) {
    SqlWorld w;
    sqlite3 *other = nullptr;
    assert_int_equal(sqlite3_open(w.dir.file("k.db").c_str(), &other), 0);
    assert_int_equal(
        sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), 0);
    auto waits = w.db->query(kAdd, sql::params("a", 1));
    waits.start();
    assert_int_equal(w.count(), 0); // readers go on
    assert_false(waits.done());
    sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
    w.host.run(w.loop, [&] { return waits.done(); });
    assert_code(waits.take(), ok);

    sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    auto gives_up = w.query(kAdd, "b", 1); // not for ever
    assert_code(gives_up, store_unavailable);
    assert_true(w.db->health().trouble.find("locked") != std::string::npos);
    sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    assert_code(w.query(kAdd, "b", 1), ok);
    assert_true(w.db->health().usable);
}

void urls_are_checked(void **) {
    const char *wrong[] = {"",
                           "sqlite:",
                           "sqlite::memory:",
                           "mysql://x",
                           "postgres://u:secret@h/d",
                           "keystone.db"};
    for (const char *url : wrong) {
        auto opened = sql::open(url);
        assert_row(url, !opened.ok());
        assert_row(url, opened.error().detail.find("write sqlite:") !=
                            std::string::npos);
        assert_row(url,
                   opened.error().detail.find("secret") == std::string::npos);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(a_broken_rule_is_a_conflict_that_is_named),
        cmocka_unit_test(a_wrong_statement_is_our_fault),
        cmocka_unit_test(a_batch_is_done_or_not),
        cmocka_unit_test(many_at_once_all_get_their_turn),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(a_full_pool_is_overload),
        cmocka_unit_test(an_answer_that_does_not_come_is_given_up),
        cmocka_unit_test(destroying_it_leaves_running_work_alone),
        cmocka_unit_test(results_are_bounded),
        cmocka_unit_test(a_query_without_end_is_stopped),
        cmocka_unit_test(another_process_that_writes_is_waited_for),
        cmocka_unit_test(urls_are_checked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
