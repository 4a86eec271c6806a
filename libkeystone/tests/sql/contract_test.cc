// What database.h promises, of each engine.
#include "support.h"

using namespace ks;
using namespace ks::test;
using sql::Expect;

namespace {

bool is_postgres(void **engine) { return *engine != nullptr; }

std::string url_of(void **engine) {
    return is_postgres(engine) ? shared_postgres().make_schema() : "";
}

void values_come_back(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kEcho = {"echo", "SELECT $2, $1, $3, $1",
                                         sql::Access::read};
    std::string text("a b \xc3\xa9", 6);
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

void a_broken_rule_is_a_conflict_that_is_named(void **engine) {
    SqlWorld w(url_of(engine));
    assert_code(w.query(kAdd, "a", 1), ok);
    auto again = w.query(kAdd, "a", 1);
    assert_code(again, conflict);
    assert_text(again.error().detail, "t.k");
    assert_true(w.db->health().usable);
}

void a_wrong_statement_is_our_fault(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kWrong = {"wrong", "SELEKT 1",
                                          sql::Access::read};
    auto rows = w.query(kWrong);
    assert_code(rows, internal);
    assert_true(rows.error().detail.find("SELEKT") == std::string::npos);
    assert_int_equal(w.host.lines.size(), 1); // the log has it
    rows = w.query(kAdd, "too few");
    assert_code(rows, internal);
}

void a_batch_is_done_or_not(void **engine) {
    SqlWorld w(url_of(engine));
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

void many_at_once_all_get_their_turn(void **engine) {
    SqlWorld w(url_of(engine));
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

void results_are_bounded(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kEndless = {
        "endless",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT x FROM c",
        sql::Access::read};
    auto rows = w.query(kEndless);
    assert_true(rows.ok());
    assert_int_equal(rows->size(), sql::Database::kMaxRows);
}

void numbers_of_all_kinds_are_numbers(void **engine) {
    SqlWorld w(url_of(engine));
    assert_code(w.query(kAdd, "a", 1), ok);
    assert_code(w.query(kAdd, "b", int64_t{1} << 40), ok);
    static const sql::Statement kSum = {
        "sum",
        "SELECT SUM(n), COUNT(*), MAX(n), 1, CASE WHEN COUNT(*) > 1 THEN 1"
        " ELSE 0 END, SUM(n) * 0 FROM t WHERE n > $1",
        sql::Access::read};
    auto rows = w.query(kSum, 0);
    assert_true(rows.ok());
    sql::Row row = (*rows)[0];
    assert_int_equal(row.number(0), (int64_t{1} << 40) + 1);
    assert_int_equal(row.number(1), 2);
    assert_int_equal(row.number(2), int64_t{1} << 40);
    assert_int_equal(row.number(3), 1);
    assert_true(row.flag(4));
    assert_int_equal(row.number(5), 0);
}

void what_was_changed_is_counted(void **engine) {
    SqlWorld w(url_of(engine));
    assert_int_equal(w.query(kAdd, "a", 1)->changed(), 1);
    assert_int_equal(w.query(kAdd, "b", 1)->changed(), 1);
    static const sql::Statement kAllUp = {"all_up", "UPDATE t SET n = n + $1",
                                          sql::Access::write};
    assert_int_equal(w.query(kAllUp, 1)->changed(), 2);
    auto rows = w.query(kAll);
    assert_int_equal(rows->changed(), 0);
    assert_int_equal(rows->size(), 2);
    assert_int_equal(w.query(kBump, "nobody", 1)->changed(), 0);
    assert_false(w.query(kBump, "nobody", 1)->any());
}

void a_single_statement_may_expect_rows(void **engine) {
    SqlWorld w(url_of(engine));
    for (const char *who : {"a", "nobody"}) {
        assert_true(who[0] == 'n' || w.query(kAdd, who, 1).ok());
        sql::Batch one;
        one.emplace_back(kBump, sql::params(who, 5), Expect::rows);
        auto done = w.run(w.db->batch(one));
        assert_row(who, done.ok() && done->done() == (who[0] == 'a'));
    }
}

void what_comes_last_may_undo_all(void **engine) {
    SqlWorld w(url_of(engine));
    sql::Batch batch;
    batch.emplace_back(kAdd, sql::params("a", 1));
    batch.emplace_back(kBump, sql::params("nobody", 5), Expect::rows);
    auto done = w.run(w.db->batch(batch));
    assert_true(done.ok());
    assert_int_equal(done->stopped_at, 1);
    assert_true(done->rows.empty());
    assert_int_equal(w.count(), 0);
}

void a_key_of_two_columns_is_named_whole(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kMake = {
        "", "CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (a, b))",
        sql::Access::write};
    static const sql::Statement kChild = {
        "", "CREATE TABLE c (t TEXT NOT NULL REFERENCES t (k))",
        sql::Access::write};
    static const sql::Statement kInto = {
        "into", "INSERT INTO p (a, b) VALUES ($1, $2)", sql::Access::write};
    static const sql::Statement kOrphan = {
        "orphan", "INSERT INTO c (t) VALUES ($1)", sql::Access::write};
    assert_code(w.query(kMake), ok);
    assert_code(w.query(kChild), ok);
    assert_code(w.query(kInto, "x=(", "y)"), ok);
    auto again = w.query(kInto, "x=(", "y)");
    assert_code(again, conflict);
    assert_text(again.error().detail, "p.a, p.b");
    auto orphan = w.query(kOrphan, "nobody");
    assert_code(orphan, conflict);
    assert_text(orphan.error().detail, "foreign key");
}

void nulls_come_and_go(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kSet = {
        "set", "UPDATE t SET n = COALESCE($2, n) WHERE k = $1 RETURNING n",
        sql::Access::write};
    assert_code(w.query(kAdd, "a", sql::Value()), ok);
    auto rows = w.query(kAll);
    assert_int_equal((*rows)[0].number(1), 0);
    // prepared with a null first, then with a number
    rows = w.query(kSet, "a", sql::Value());
    assert_int_equal(rows->size(), 1);
    rows = w.query(kSet, "a", 7);
    assert_int_equal((*rows)[0].number(0), 7);
    rows = w.query(kSet, "a", sql::Value());
    assert_int_equal((*rows)[0].number(0), 7);
}

void large_values_pass(void **engine) {
    SqlWorld w(url_of(engine));
    static const sql::Statement kLength = {
        "length", "SELECT k, LENGTH(k) FROM t", sql::Access::read};
    std::string text(3 << 20, 'x');
    for (size_t i = 0; i < text.size(); i += 97) {
        text[i] = static_cast<char>('a' + i % 26);
    }
    static const sql::Statement kPlain = {"", "CREATE TABLE l (k TEXT)",
                                          sql::Access::write};
    static const sql::Statement kInto = {
        "into", "INSERT INTO l (k) VALUES ($1)", sql::Access::write};
    static const sql::Statement kOut = {"out", "SELECT k FROM l",
                                        sql::Access::read};
    assert_code(w.query(kPlain), ok);
    assert_code(w.query(kInto, text), ok);
    assert_code(w.query(kInto, text), ok);
    auto rows = w.query(kOut);
    assert_true(rows.ok());
    assert_int_equal(rows->size(), 2);
    assert_true((*rows)[0].text(0) == text && (*rows)[1].text(0) == text);
    assert_code(w.query(kLength), ok);
}

#define BOTH(f)                                                                \
    {#f " (sqlite)", f, nullptr, nullptr, nullptr}, {                          \
        #f " (postgres)", f, nullptr, nullptr, const_cast<char *>("p")         \
    }

} // namespace

int main() {
    const CMUnitTest tests[] = {
        BOTH(values_come_back),
        BOTH(a_broken_rule_is_a_conflict_that_is_named),
        BOTH(a_wrong_statement_is_our_fault),
        BOTH(a_batch_is_done_or_not),
        BOTH(many_at_once_all_get_their_turn),
        BOTH(results_are_bounded),
        BOTH(numbers_of_all_kinds_are_numbers),
        BOTH(what_was_changed_is_counted),
        BOTH(a_single_statement_may_expect_rows),
        BOTH(what_comes_last_may_undo_all),
        BOTH(a_key_of_two_columns_is_named_whole),
        BOTH(nulls_come_and_go),
        BOTH(large_values_pass),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
