// The PostgreSQL driver beside what database.h promises (contract_test.cc): a
// server that is there, and what it and others do to our connections.
#include "postgres_support.h"
#include "sql/postgres_error.h"

using namespace ks;
using namespace ks::test;
using sql::Expect;

namespace {

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
    r.host.full = rt::Pool::names;
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
