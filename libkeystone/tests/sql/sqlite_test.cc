#include "support.h"

#include "../support/fake_host.h"
#include "sql/sqlite.h"

#include <sqlite3.h>

using namespace ks;
using namespace ks::test;

namespace {

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
    const char *wrong[] = {"", "sqlite:", "sqlite::memory:", "mysql://x",
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
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(a_full_pool_is_overload),
        cmocka_unit_test(an_answer_that_does_not_come_is_given_up),
        cmocka_unit_test(destroying_it_leaves_running_work_alone),
        cmocka_unit_test(a_query_without_end_is_stopped),
        cmocka_unit_test(another_process_that_writes_is_waited_for),
        cmocka_unit_test(urls_are_checked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
