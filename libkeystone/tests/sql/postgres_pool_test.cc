// The pool of connections to PostgreSQL: how many there are, who waits for one
// and for how long, and what becomes of one whose caller has gone.
#include "postgres_support.h"

#include <algorithm>
#include <libpq-fe.h>

using namespace ks;
using namespace ks::test;
using sql::Expect;

namespace {

// As a process that was stopped meanwhile finds it.
void an_answer_that_is_there_at_the_deadline_is_taken(void **) {
    SqlWorld w(named(fresh(), "stopped"), {.pool = 1, .timeout = 60'000});
    auto adds = w.db->query(kAdd, sql::params("a", 1));
    adds.start();
    for (int idle = 0; idle < 3;) { // it says so just before it answers
        idle += std::stoi(shared_postgres().ask(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'idle' AND"
            " query LIKE 'INSERT%' AND application_name = 'stopped'"));
    }
    w.host.ahead += 61'000;
    w.until([&] { return adds.done(); });
    assert_code(adds.take(), ok);
    assert_true(w.db->health().usable);
}

// It would end with nobody waiting for it, and a write as one nobody knows of.
void who_waited_too_long_is_not_started(void **) {
    SqlWorld w(fresh(), {.pool = 1, .timeout = 60'000});
    auto pid = w.query(kPid);
    auto works = w.db->query(kNap, sql::params(100));
    works.start();
    auto waits = w.db->query(kPid, sql::Params());
    waits.start();
    w.host.ahead += 55'000; // both have 5 s left, less than a tenth
    w.until([&] { return waits.done(); });
    auto got = waits.take();
    assert_code(got, overloaded);
    auto same = w.query(kPid);
    assert_int_equal((*pid)[0].number(0), (*same)[0].number(0));
}

// A session of somebody else's that holds a table of a world's.
class TableLock {
  public:
    explicit TableLock(const std::string &url)
        : conn_(PQconnectdb(url.c_str())) {
        run("BEGIN");
        run("LOCK TABLE t");
    }
    ~TableLock() { PQfinish(conn_); }
    void release() { run("COMMIT"); }

  private:
    void run(const char *sql) {
        PGresult *result = PQexec(conn_, sql);
        assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
        PQclear(result);
    }
    PGconn *conn_;
};

// Who waited has less time than the server gives a statement of its own.
void who_goes_at_its_deadline_leaves_the_connection_whole(void **) {
    std::string url = fresh();
    SqlWorld w(named(url, "late"), {.pool = 1, .timeout = 60'000});
    auto pid = w.query(kPid);
    assert_code(w.query(kAdd, "a", 1), ok);
    struct Row {
        sql::Batch batch;
        bool uncertain;
    };
    const Row rows[] = {
        {{{kBump, sql::params("a", 10)}, {kBump, sql::params("a", 10)}}, true},
        {{{kBump, sql::params("a", 100), Expect::rows}, // waits to go on
          {kBump, sql::params("a", 100)}},
         false},
        {{{kAll, sql::Params()}}, false},
    };
    for (const Row &row : rows) {
        TableLock lock(url);
        auto works = w.db->query(kNap, sql::params(100));
        works.start();
        auto late = w.db->batch(row.batch);
        late.start();
        w.host.ahead += 50'000;
        w.until([&] {
            return shared_postgres().ask(
                       "SELECT COUNT(*) FROM pg_stat_activity WHERE"
                       " wait_event_type = 'Lock' AND"
                       " application_name = 'late'") == "1";
        });
        assert_true(works.done());
        w.host.ahead += 10'000;
        w.until([&] { return late.done(); });
        auto got = late.take();
        assert_code(got, store_unavailable);
        assert_int_equal(got.error().detail.find("not known") !=
                             std::string::npos,
                         row.uncertain);
        assert_true(says(*w.db, "no answer in time"));
        lock.release();
        auto same = w.query(kPid);
        assert_int_equal((*pid)[0].number(0), (*same)[0].number(0));
    }
    auto all = w.query(kAll);
    assert_int_equal((*all)[0].number(1), 21); // what was sent whole went on
    assert_true(w.db->health().usable);
}

void no_other_is_opened_at_once_for_one_lost_at_its_deadline(void **) {
    std::string url = fresh();
    SqlWorld w(named(url, "overdue"), {.pool = 1, .timeout = 60'000});
    TableLock lock(url);
    auto late = w.db->query(kAll, sql::Params());
    late.start();
    w.run(Runner::nap());
    w.host.ahead += 61'000;
    auto waits = w.db->query(kPid, sql::Params());
    waits.start();
    w.host.stopped = w.host.PollHost::now();
    Millis end = *w.host.stopped + 500;
    w.host.run(w.loop, [&] { return w.host.PollHost::now() >= end; });
    assert_true(late.done());
    assert_code(late.take(), store_unavailable);
    assert_false(waits.done());
    assert_int_equal(connected("overdue"), 1); // which waits for the table
    w.host.stopped.reset();
    w.until([&] { return waits.done(); });
    assert_code(waits.take(), ok);
}

struct Write {
    std::string key;
    rt::Task<Result<sql::Rows>> task;
    Millis since;
};

// What is there is what was said to be, but for what "is not known".
void assert_told_the_truth(const std::vector<std::string> &there,
                           std::vector<Write> &writes) {
    size_t done = 0, refused = 0;
    for (Write &write : writes) {
        auto got = write.task.take();
        bool found =
            std::find(there.begin(), there.end(), write.key) != there.end();
        if (got.ok()) {
            done++;
            assert_true(found);
        } else if (got.error().detail.find("not known") == std::string::npos) {
            refused++;
            assert_false(found);
        }
    }
    assert_true(done > 0);
    assert_true(refused > 0);
}

// A connection that is dropped at a lock leaves its backend waiting there.
void a_locked_table_costs_no_more_connections_than_the_pool_has(void **) {
    constexpr Millis kTimeout = 2000;
    std::string url = fresh();
    SqlWorld w(named(url, "locked"), {.pool = 1, .timeout = kTimeout});
    std::vector<Write> writes;
    TableLock lock(url);
    Millis next = w.host.now(), end = next + 9 * kTimeout / 4;
    for (Millis now = next; now < end; now = w.host.now()) {
        if (now >= next) {
            next = now + 50;
            std::string key = std::to_string(writes.size());
            writes.push_back(
                {key, w.db->query(kAdd, sql::params(key, 1)), now});
            writes.back().task.start();
            assert_true(connected("locked") <= 1);
        }
        w.run(Runner::nap());
        for (Write &write : writes) {
            assert_true(write.task.done() ||
                        w.host.now() < write.since + 2 * kTimeout);
        }
    }
    lock.release();
    for (Write &write : writes) {
        w.until([&] { return write.task.done(); });
    }
    assert_code(w.query(kAdd, "after", 1), ok);
    assert_int_equal(connected("locked"), 1);
    assert_true(w.db->health().usable);
    auto rows = w.query(kAll);
    auto key_of = [](const sql::Row &row) { return row.str(0); };
    assert_told_the_truth(rows->all(key_of), writes);
}

void who_leaves_leaves_the_connection_whole(void **) {
    SqlWorld w(fresh(), {.pool = 1});
    assert_code(w.query(kAdd, "a", 1), ok);
    sql::Batch batch;
    batch.emplace_back(kSlowBump, sql::params("a"), Expect::rows);
    batch.emplace_back(kBump, sql::params("a", 10));
    auto leaves = w.db->batch(batch);
    leaves.start();
    auto waits = w.db->query(kAdd, sql::params("never", 1));
    waits.start();
    w.run(Runner::nap());
    leaves.destroy();
    waits.destroy(); // had not begun
    auto rows = w.query(kAll);
    assert_int_equal(rows->size(), 1);
    assert_int_equal((*rows)[0].number(1), 12); // what began went on
}

void the_pool_has_an_end(void **) {
    std::string url = named(fresh(), "pool_end");
    SqlWorld w(url, {.pool = 2, .queue = 4, .timeout = 600});
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (int i = 0; i < 7; i++) {
        tasks.push_back(w.db->query(kNap, sql::params(150)));
        tasks.back().start();
    }
    // One is connected, the others wait; the last finds no place to.
    assert_true(tasks.back().done());
    assert_code(tasks.back().take(), overloaded);
    tasks.pop_back();
    w.until([&] { return connected("pool_end") == 2; });
    int served = 0;
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        served += task.take().ok() ? 1 : 0;
    }
    assert_true(served >= 4);
    assert_int_equal(connected("pool_end"), 2);
    assert_true(w.db->health().usable);
}

void who_waits_too_long_is_told(void **) {
    SqlWorld w(fresh(), {.pool = 1, .timeout = 300});
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (int i = 0; i < 3; i++) {
        tasks.push_back(w.db->query(kNap, sql::params(220)));
        tasks.back().start();
    }
    w.host.run(w.loop, [&] { return tasks[2].done(); });
    assert_code(tasks[2].take(), overloaded);
}

void idle_connections_are_closed(void **) {
    std::string url = named(fresh(), "idle_end");
    SqlWorld w(url, {.pool = 3});
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (int i = 0; i < 6; i++) {
        tasks.push_back(w.db->query(kNap, sql::params(100)));
        tasks.back().start();
    }
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        assert_code(task.take(), ok);
    }
    assert_int_equal(connected("idle_end"), 3);
    w.host.ahead += 2 * kMinute;
    w.until([&] { return connected("idle_end") == 0; });
    assert_code(w.query(kAdd, "a", 1), ok); // and opened again
}

void a_worker_that_drains_lets_go(void **) {
    std::string url = named(fresh(), "drains");
    SqlWorld w(url, {.pool = 2});
    assert_code(w.query(kAdd, "a", 1), ok);
    auto in_flight = w.db->query(kSlowBump, sql::params("a"));
    in_flight.start();
    w.loop.drain();
    w.host.run(w.loop, [&] { return in_flight.done(); });
    assert_code(in_flight.take(), ok);
    w.until([&] { return connected("drains") == 0; });
    assert_int_equal(w.count(), 1); // who is still there is served
    w.until([&] { return connected("drains") == 0; });
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_is_there_at_the_deadline_is_taken),
        cmocka_unit_test(who_waited_too_long_is_not_started),
        cmocka_unit_test(who_goes_at_its_deadline_leaves_the_connection_whole),
        cmocka_unit_test(
            no_other_is_opened_at_once_for_one_lost_at_its_deadline),
        cmocka_unit_test(
            a_locked_table_costs_no_more_connections_than_the_pool_has),
        cmocka_unit_test(who_leaves_leaves_the_connection_whole),
        cmocka_unit_test(the_pool_has_an_end),
        cmocka_unit_test(who_waits_too_long_is_told),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(a_worker_that_drains_lets_go),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
