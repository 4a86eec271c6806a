#include "sql/postgres_url.h"

#include "../support/test.h"
#include "sql/database.h"

using namespace ks;
using sql::PostgresUrl;

namespace {

void both_forms_are_read(void **) {
    for (const char *text :
         {"postgresql://u:p%40ss@db.example.org:6432/live?sslmode=verify-full",
          "postgres://u:p%40ss@db.example.org:6432/live?sslmode=verify-full",
          "host=db.example.org port=6432 user=u password='p@ss' dbname=live "
          "sslmode=verify-full"}) {
        assert_row(text, PostgresUrl::claims(text));
        auto url = PostgresUrl::parse(text);
        assert_row(text, url.ok());
        assert_int_equal(url->hosts().size(), 1);
        assert_text(url->hosts()[0].label(), "db.example.org:6432");
        assert_text(url->find("password"), "p@ss");
        assert_text(url->find("sslmode"), "verify-full");
        assert_null(url->find("sslrootcert"));
        assert_text(url->shown(), "postgresql://db.example.org:6432/live");
        assert_text(url->session_attrs(), "any");
    }
}

void hosts_are_told_apart(void **) {
    struct Row {
        const char *text;
        const char *shown;
    };
    const Row rows[] = {
        {"postgresql://a,b:5433/d", "postgresql://a:5432,b:5433/d"},
        {"host=a,b port=5433 dbname=d", "postgresql://a:5433,b:5433/d"},
        {"host=a,b port=1,2", "postgresql://a:1,b:2"},
        {"postgresql://[2001:db8::1]:6000/d",
         "postgresql://[2001:db8::1]:6000/d"},
        {"hostaddr=192.0.2.1,192.0.2.2", "postgresql://192.0.2.1:5432,"
                                         "192.0.2.2:5432"},
        {"host=a hostaddr=192.0.2.1", "postgresql://a:5432"},
        {"postgresql://u@/d?host=/run/x", "postgresql:///run/x/d"},
        {"postgresql:///d", "postgresql:///var/run/postgresql/d"},
        {"host=@socket dbname=d", "postgresql://@socket/d"},
        {"host=db_1.example.org dbname=d@e",
         "postgresql://db_1.example.org:5432/d@e"},
        {"postgresql://u@%2Frun%2Fx:6000/d", "postgresql:///run/x port 6000/d"},
    };
    for (const Row &row : rows) {
        auto url = PostgresUrl::parse(row.text);
        assert_row(row.text, url.ok());
        assert_text(url->shown(), row.shown);
    }
    auto several = PostgresUrl::parse("postgresql://a,b/d");
    assert_text(several->session_attrs(), "read-write");
    assert_int_equal(several->connect_timeout(), 2 * kSecond);
    auto asked = PostgresUrl::parse("postgresql://a,b/d?target_session_attrs="
                                    "primary&connect_timeout=7");
    assert_text(asked->session_attrs(), "primary");
    assert_int_equal(asked->connect_timeout(), 7 * kSecond);
}

// What is wrong is said, and no part of it is quoted: any may be a password.
void wrong_ones_are_refused_in_silence(void **) {
    struct Row {
        const char *text;
        const char *says;
    };
    const Row rows[] = {
        {"postgresql://u:hunter2%@h/d", "%XX"},
        {"postgresql://u:hunter2@h:1@x/d", "1 to 65535"},
        {"postgresql://u@h/d?hunter2", "none of PostgreSQL"},
        {"postgresql://u@h/d?passwd=hunter2", "parameter \"passwd\""},
        {"postgresql://u@h/d?bogus=1&password=hunter2", "\"bogus\""},
        // it may be the rest of a password
        {"postgresql://u@h/d?password=x&hunter=2", "none of PostgreSQL"},
        {"postgresql://u:x/y?hunter=2@h/d", "none of PostgreSQL"},
        {"postgresql://u@h/d?sslmode=hunter2", "verify-full"},
        {"postgresql://u@h/d?sslrootcert=/hunter2", "No such file"},
        {"host=h password=my hunter2", "password='PASSWORD'"},
        {"host=h password=my hunter2=x", "none of PostgreSQL"},
        {"postgresql://u:hunter2@h:70000/d", "1 to 65535"},
        {"postgresql://u:hunter2@h,i,j/d?port=1,2", "one port"},
        {"host=a,b,c,d,e,f,g,h,i", "at most 8"},
        {"postgresql://u:hunter2@h/d?target_session_attrs=standby",
         "read-write"},
        {"postgresql://u:hunter2@h/d?connect_timeout=0", "connect_timeout"},
        {"service=hunter2", "service="},
        // libpq ends a password at its first "@", none at a "/"
        {"postgresql://u:x@hunter2@h/d", "%XX"},
        {"postgresql://u:x@h,hunter2@h/d", "%XX"},
        {"postgresql://u:x@@hunter2/d", "%XX"},
        {"postgresql://u:x@%2Fhunter2@h/d", "%XX"},
        {"postgresql://u:x@h:hunter2@h/d", "%XX"},
        {"postgresql://u:12345/hunter2@h/d", "%XX"},
        {"postgresql://u:x@12345/hunter2@h/d", "%XX"},
        {"postgresql://u:/hunter2@h/d", "%XX"},
        {"postgresql://u@h/d?hostaddr=hunter2@h", "%XX"},
        {"host=h dbname=postgresql://u:hunter2@h/d", "%XX"},
        {"host=h@hunter2 dbname=d", "%XX"},
    };
    for (const Row &row : rows) {
        auto checked = sql::check(row.text);
        assert_row(row.text, !checked.ok());
        const std::string &why = checked.error().detail;
        assert_has(why, row.says);
        assert_row(row.text, why.find("hunter=") == std::string::npos &&
                                 why.find("\"hunter\"") == std::string::npos);
        assert_row(row.text, why.find("hunter2") == std::string::npos);
        assert_row(row.text,
                   sql::shown(row.text).find("hunter2") == std::string::npos);
    }
    assert_false(PostgresUrl::claims("mysql://h/d?x=y"));
    assert_false(PostgresUrl::claims("keystone.db"));
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(hosts_are_told_apart),
        cmocka_unit_test(wrong_ones_are_refused_in_silence),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
