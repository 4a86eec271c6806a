// The PostgreSQL driver beside what database.h promises (contract_test.cc): a
// server that is there, and what it and others do to our connections.
#include "sql/postgres_error.h"
#include "support.h"

#include <algorithm>
#include <fstream>

using namespace ks;
using namespace ks::test;
using sql::Expect;

namespace {

const sql::Statement kPid = {"pid", "SELECT pg_backend_pid()",
                             sql::Access::read};
const sql::Statement kNap = {"nap", "SELECT pg_sleep(CAST($1 AS FLOAT) / 1000)",
                             sql::Access::read};
const sql::Statement kSlowBump = {
    "slow_bump",
    "UPDATE t SET n = n + 1 WHERE k = $1 AND pg_sleep(0.3) IS NOT NULL",
    sql::Access::write};

std::string fresh() { return shared_postgres().make_schema(); }

// How many connections of a world's there are.
int connected(const std::string &name) {
    return std::stoi(shared_postgres().ask(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '" +
        name + "'"));
}

std::string named(const std::string &url, const std::string &name) {
    return url + "&application_name=" + name;
}

void a_lost_statement_is_prepared_again(void **) {
    SqlWorld w(fresh(), {.pool = 1});
    static const sql::Statement kForget = {"", "DEALLOCATE ALL",
                                           sql::Access::write};
    assert_code(w.query(kAdd, "a", 1), ok);
    assert_code(w.query(kForget), ok);
    assert_code(w.query(kAdd, "b", 1), ok);
    assert_code(w.query(kForget), ok);
    sql::Batch batch;
    batch.emplace_back(kAdd, sql::params("c", 1));
    batch.emplace_back(kBump, sql::params("c", 5), Expect::rows);
    auto done = w.run(w.db->batch(batch));
    assert_true(done.ok() && done->done());
    assert_int_equal(done->rows[1][0].number(0), 6);
    assert_int_equal(w.count(), 3);
}

void a_plan_that_is_out_of_date_is_made_anew(void **) {
    SqlWorld w(fresh(), {.pool = 1});
    static const sql::Statement kStar = {"star", "SELECT * FROM t",
                                         sql::Access::read};
    static const sql::Statement kWiden = {"", "ALTER TABLE t ADD m BIGINT",
                                          sql::Access::write};
    assert_code(w.query(kAdd, "a", 1), ok);
    assert_code(w.query(kStar), ok);
    assert_code(w.query(kWiden), ok);
    auto rows = w.query(kStar);
    assert_true(rows.ok());
    assert_int_equal(rows->size(), 1);
    assert_text((*rows)[0].text(2), "");
}

void what_is_no_text_for_it_is_replaced(void **) {
    SqlWorld w(fresh());
    std::string odd("a\0b \xff\xc3\xa9 \xed\xa0\x80", 11);
    assert_code(w.query(kAdd, odd, 1), ok);
    auto rows = w.query(kAll);
    assert_text((*rows)[0].text(0), "a\xEF\xBF\xBD"
                                    "b \xEF\xBF\xBD\xc3\xa9 \xEF\xBF\xBD"
                                    "\xEF\xBF\xBD\xEF\xBF\xBD");
}

void a_statement_that_takes_too_long_is_stopped(void **) {
    SqlWorld w(fresh(), {.pool = 1, .timeout = 400});
    auto pid = w.query(kPid);
    Millis began = w.host.now();
    assert_code(w.query(kNap, 20'000), store_unavailable);
    assert_true(w.host.now() - began < 3 * kSecond);
    assert_true(says(*w.db, "57014"));
    assert_true(says(*w.db, "too long"));
    auto same = w.query(kPid); // the connection is kept
    assert_int_equal((*pid)[0].number(0), (*same)[0].number(0));
    assert_true(w.db->health().usable);
}

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

// pg_terminate_backend(): as a restart, a fail-over, or an administrator does.
void a_connection_that_ends_is_replaced(void **) {
    std::string url = named(fresh(), "ends");
    SqlWorld w(url, {.pool = 1});
    const std::string kEnd = "SELECT pg_terminate_backend(pid) FROM"
                             " pg_stat_activity WHERE application_name ="
                             " 'ends'";
    assert_code(w.query(kAdd, "a", 1), ok);
    shared_postgres().ask(kEnd);
    w.until([&] { return connected("ends") == 0; });
    w.run(Runner::nap());
    assert_code(w.query(kAdd, "b", 1), ok); // it was idle: nobody notices

    auto reads = w.db->query(kNap, sql::params(400));
    reads.start();
    w.run(Runner::nap());
    shared_postgres().ask(kEnd);
    w.host.run(w.loop, [&] { return reads.done(); });
    assert_code(reads.take(), ok); // again, on another

    auto writes = w.db->query(kSlowBump, sql::params("a"));
    writes.start();
    w.run(Runner::nap());
    shared_postgres().ask(kEnd);
    w.host.run(w.loop, [&] { return writes.done(); });
    assert_code(writes.take(), store_unavailable); // never twice
    assert_true(says(*w.db, "57P01"));
    auto rows = w.query(kAll);
    assert_int_equal((*rows)[0].number(1), 1);
    assert_true(w.db->health().usable);
}

void two_who_stand_in_each_others_way_both_get_on(void **) {
    std::string url = fresh();
    SqlWorld w(url + "%20-cdeadlock_timeout%3D100ms");
    assert_code(w.query(kAdd, "a", 0), ok);
    assert_code(w.query(kAdd, "b", 0), ok);
    std::vector<rt::Task<Result<sql::Outcome>>> tasks;
    for (bool first : {true, false}) {
        sql::Batch batch;
        batch.emplace_back(kBump, sql::params(first ? "a" : "b", 1));
        batch.emplace_back(kNap, sql::params(100));
        batch.emplace_back(kBump, sql::params(first ? "b" : "a", 1),
                           Expect::rows);
        tasks.push_back(w.db->batch(batch));
        tasks.back().start();
    }
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        auto done = task.take();
        assert_true(done.ok() && done->done());
        assert_int_equal(done->rows.size(), 3);
    }
    auto rows = w.query(kAll);
    assert_int_equal((*rows)[0].number(1), 2);
    assert_int_equal((*rows)[1].number(1), 2);
}

struct Refused : Runner {
    std::unique_ptr<sql::Database> db;
    explicit Refused(const std::string &url, const sql::Options &o = {}) {
        auto opened = sql::open(url, o);
        assert_true(opened.ok());
        db = std::move(*opened);
        auto got = run(db->query(kPid, sql::Params()));
        assert_code(got, store_unavailable);
        assert_true(got.error().retry_after_s > 0);
        assert_false(db->health().usable);
        // Who comes meanwhile does not wait.
        auto again = db->query(kPid, sql::Params());
        again.start();
        assert_true(again.done());
    }
};

void what_is_wrong_is_said_with_the_cure(void **) {
    struct Row {
        const char *url;
        const char *says;
        const char *cure;
    };
    std::string dir = shared_postgres().dir();
    const Row rows[] = {
        {"postgresql://nobody:hunter2@/keystone?host=", "SQLSTATE 28000",
         "look at user"},
        {"postgresql://keystone:hunter2@/nothing?host=", "SQLSTATE 3D000",
         "make the database"},
        {"postgresql://keystone:hunter2@/keystone?port=1&host=", "port 1",
         "No such file"},
        {"postgresql://keystone:hunter2@/keystone?options=-cnothing%3D1&host=",
         "SQLSTATE 42704", ""},
    };
    for (const Row &row : rows) {
        Refused w(row.url + dir);
        assert_true(says(*w.db, "PostgreSQL at " + dir));
        assert_true(says(*w.db, row.says));
        assert_true(says(*w.db, row.cure));
        assert_true(w.db->health().trouble.find("hunter2") ==
                    std::string::npos);
    }
    {
        Refused unknown("postgresql://u:hunter2@db.invalid/x");
        assert_true(says(*unknown.db, "db.invalid:5432"));
        assert_true(says(*unknown.db, "the name db.invalid"));
    }
    Refused nobody("postgresql://u:hunter2@127.0.0.1:" +
                   std::to_string(free_port()) + "/x");
    assert_true(says(*nobody.db, "refused"));
}

void why_a_name_is_not_found_is_said(void **) {
    Runner r;
    r.host.full = rt::Pool::store; // which looks it up
    auto db = sql::open("postgresql://u:hunter2@busy.invalid/x");
    auto got = r.run((*db)->query(kPid, sql::Params()));
    assert_code(got, store_unavailable);
    assert_true(says(**db, "busy.invalid:5432: Too much work is queued"));
}

void what_libpq_finds_by_itself_has_a_cure(void **) {
    for (auto [text, cure] :
         std::initializer_list<std::pair<const char *, const char *>>{
             {"connection to server at \"h\" (192.0.2.1), port 5432 failed: "
              "fe_sendauth: no password supplied",
              "USER:PASSWORD@HOST"},
             {"connection to server at \"h\" (192.0.2.1), port 5432 failed: "
              "server does not support SSL, but SSL was required",
              "ssl = on"}}) {
        auto failure = sql::judge_connect(text, "h:5432");
        assert_has(failure.error.detail, cure);
        assert_has(failure.error.detail, "PostgreSQL at h:5432");
    }
}

void it_connects_by_itself_when_there_is_room_again(void **) {
    PostgresServer &server = shared_postgres();
    server.ask("DROP ROLE IF EXISTS narrow");
    server.ask("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1");
    std::string url = "postgresql://narrow@/keystone?host=" + server.dir();
    PGconn *other = PQconnectdb(url.c_str());
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    Refused w(url);
    assert_true(says(*w.db, "53300"));
    assert_true(says(*w.db, "max_connections"));
    PQfinish(other);
    w.until([&] { return w.db->health().usable; });
    assert_code(w.run(w.db->query(kPid, sql::Params())), ok);

    // There is no second one to be had: all go over the first.
    std::vector<rt::Task<Result<sql::Rows>>> tasks;
    for (int i = 0; i < 20; i++) {
        tasks.push_back(w.db->query(kPid, sql::Params()));
        tasks.back().start();
    }
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        assert_code(task.take(), ok);
    }
    assert_true(w.db->health().usable);
}

void a_server_that_cannot_be_written_to_is_named(void **) {
    std::string url = fresh();
    SqlWorld made(url);
    auto opened =
        sql::open(url + "%20-cdefault_transaction_read_only%3Don", {.pool = 1});
    auto read = made.run((*opened)->query(kAll, sql::Params()));
    assert_code(read, ok);
    auto got = made.run((*opened)->query(kAdd, sql::params("a", 1)));
    assert_code(got, store_unavailable);
    assert_true(says(**opened, "25006"));
    assert_true(says(**opened, "target_session_attrs=read-write"));
}

void tables_that_are_not_there_ask_for_a_migration(void **) {
    SqlWorld w(fresh());
    static const sql::Statement kNone = {"none", "SELECT x FROM nothing",
                                         sql::Access::read};
    assert_code(w.query(kNone), store_unavailable);
    assert_true(says(*w.db, "keystonectl migrate"));
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_statement_is_prepared_again),
        cmocka_unit_test(a_plan_that_is_out_of_date_is_made_anew),
        cmocka_unit_test(what_is_no_text_for_it_is_replaced),
        cmocka_unit_test(a_statement_that_takes_too_long_is_stopped),
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
        cmocka_unit_test(a_connection_that_ends_is_replaced),
        cmocka_unit_test(two_who_stand_in_each_others_way_both_get_on),
        cmocka_unit_test(what_is_wrong_is_said_with_the_cure),
        cmocka_unit_test(why_a_name_is_not_found_is_said),
        cmocka_unit_test(what_libpq_finds_by_itself_has_a_cure),
        cmocka_unit_test(it_connects_by_itself_when_there_is_room_again),
        cmocka_unit_test(a_server_that_cannot_be_written_to_is_named),
        cmocka_unit_test(tables_that_are_not_there_ask_for_a_migration),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
