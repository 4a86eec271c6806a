#include "store/import.h"
#include "store/migrate.h"
#include "support.h"

#include <algorithm>

using namespace ks;
using namespace ks::test;

namespace {

struct ImportWorld : Runner {
    TempDir dir;
    std::unique_ptr<sql::Database> from = open("from.db");
    std::unique_ptr<sql::Database> to = open("to.db");
    std::deque<std::string> texts;
    std::deque<sql::Statement> statements;

    std::unique_ptr<sql::Database> open(const char *name) {
        auto opened = sql::open("sqlite:" + dir.file(name));
        auto migrated = run(store::migrate(**opened));
        assert_true(migrated.ok());
        return std::move(*opened);
    }
    sql::Rows query(sql::Database &db, std::string text) {
        texts.push_back(std::move(text));
        statements.push_back({"", texts.back(), sql::Access::write});
        auto rows = run(db.query(statements.back(), sql::Params()));
        assert_true(rows.ok());
        return std::move(*rows);
    }
    Result<std::vector<store::Imported>> import() {
        return run(store::import(*from, *to, [](const store::Imported &) {}));
    }
    // So many rows of every table that is moved, each column with a value of
    // its own: n in what is a number, a text with n in what is none.
    void fill(int rows) {
        for (std::string_view table : store::tables_moved()) {
            for (int n = 1; n <= rows; n++) {
                query(*from, insert_of(table, n));
            }
        }
    }
    std::string insert_of(std::string_view table, int n) {
        std::string names, values;
        sql::Rows columns =
            query(*from, "SELECT name, type FROM pragma_table_info('" +
                             std::string(table) + "')");
        for (size_t i = 0; i < columns.size(); i++) {
            std::string name = columns[i].str(0);
            names += (i == 0 ? "" : ", ") + name;
            values += i == 0 ? "" : ", ";
            values += columns[i].text(1) == "BIGINT" ? std::to_string(n)
                                                     : quote(name, n);
        }
        return "INSERT INTO " + std::string(table) + " (" + names +
               ") VALUES (" + values + ")";
    }
    // What is referred to has the name it is referred to by.
    static std::string quote(const std::string &column, int n) {
        std::string what = column.ends_with("_id") ? "id" : column;
        std::string key = "0000" + std::to_string(n);
        return "'" + what + " \xc3\xa4 '' " + key.substr(key.size() - 4) + "'";
    }
    bool same(std::string_view table) {
        std::string columns;
        for (std::string_view c : store::columns_moved(table)) {
            columns.append(columns.empty() ? "" : ", ").append(c);
        }
        std::string text =
            "SELECT " + columns + " FROM " + std::string(table) + " ORDER BY 1";
        sql::Rows a = query(*from, text);
        sql::Rows b = query(*to, text);
        size_t width = store::columns_moved(table).size();
        bool equal = a.size() == b.size() && a.size() > 0;
        for (size_t i = 0; equal && i < a.size(); i++) {
            for (size_t c = 0; c < width; c++) {
                bool of_host = store::columns_moved(table)[c] == "host";
                equal = equal && a[i].number(c) == b[i].number(c) &&
                        b[i].text(c) == (of_host ? "" : a[i].text(c));
            }
        }
        return equal;
    }
};

void everything_is_moved(void **) {
    ImportWorld w;
    w.fill(1203); // more than two pages
    auto done = w.import();
    assert_true(done.ok());
    assert_int_equal(done->size(), store::tables_moved().size());
    for (const store::Imported &one : *done) {
        assert_int_equal(one.rows, 1203);
        assert_true(w.same(one.table));
    }
    auto again = w.import();
    assert_code(again, conflict); // it is in use now
}

// A table or column that a migration adds has to be thought of.
void nothing_is_forgotten(void **) {
    ImportWorld w;
    auto moved = store::tables_moved();
    auto left = store::tables_left();
    sql::Rows tables = w.query(*w.from, "SELECT name FROM sqlite_master WHERE"
                                        " type = 'table' AND name NOT LIKE"
                                        " 'sqlite%'");
    assert_true(tables.size() > 0);
    for (size_t i = 0; i < tables.size(); i++) {
        std::string name = tables[i].str(0);
        bool is_moved =
            std::find(moved.begin(), moved.end(), name) != moved.end();
        bool is_left = std::find(left.begin(), left.end(), name) != left.end();
        if (is_moved == is_left) {
            print_error("table %s: moved or left?\n", name.c_str());
            assert_true(is_moved != is_left);
        }
        if (!is_moved) {
            continue;
        }
        auto columns = store::columns_moved(name);
        sql::Rows there = w.query(*w.from, "SELECT name FROM pragma_table_info"
                                           "('" +
                                               name + "')");
        assert_int_equal(there.size(), columns.size());
    }
}

void what_was_interrupted_goes_on(void **) {
    ImportWorld w;
    w.fill(3);
    w.query(*w.to,
            "INSERT INTO firsts VALUES ('import', 'id \xc3\xa4 '' 0001')");
    w.query(*w.to, w.insert_of("users", 1));
    w.query(*w.to, w.insert_of("users", 2));
    auto done = w.import();
    assert_true(done.ok());
    for (const store::Imported &one : *done) {
        assert_true(w.same(one.table));
    }
}

void a_target_in_use_is_refused(void **) {
    ImportWorld w;
    w.fill(2);
    w.query(*w.to, "INSERT INTO users VALUES ('u', 'a@b.c', '', 'user', '', 1,"
                   " 1)");
    auto done = w.import();
    assert_code(done, conflict);
    assert_non_null(strstr(done.error().detail.c_str(), "has accounts"));
    sql::Rows users = w.query(*w.to, "SELECT id FROM users");
    assert_int_equal(users.size(), 1);
}

void half_an_import_of_another_source_is_refused(void **) {
    ImportWorld w;
    w.fill(1);
    w.query(*w.to, "INSERT INTO firsts VALUES ('import', 'somebody else')");
    auto done = w.import();
    assert_code(done, conflict);
    assert_non_null(strstr(done.error().detail.c_str(), "another database"));
}

void an_empty_source_is_refused(void **) {
    ImportWorld w;
    auto done = w.import();
    assert_code(done, conflict);
}

void an_old_schema_is_refused(void **) {
    ImportWorld w;
    w.fill(1);
    w.query(*w.to, "DELETE FROM schema_migrations WHERE version = 2");
    auto done = w.import();
    assert_code(done, store_unavailable);
    assert_non_null(strstr(done.error().detail.c_str(), "target"));
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_moved),
        cmocka_unit_test(nothing_is_forgotten),
        cmocka_unit_test(what_was_interrupted_goes_on),
        cmocka_unit_test(a_target_in_use_is_refused),
        cmocka_unit_test(half_an_import_of_another_source_is_refused),
        cmocka_unit_test(an_empty_source_is_refused),
        cmocka_unit_test(an_old_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
