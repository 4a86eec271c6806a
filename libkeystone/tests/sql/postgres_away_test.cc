// A PostgreSQL that dies, hangs, comes back, or hands over to another.
#include "postgres_support.h"

#include <cstring>
#include <sys/wait.h>

using namespace ks;
using namespace ks::test;

namespace {

const sql::Statement kOne = {"one", "SELECT 1", sql::Access::read};

// Two for all tests; each test leaves them running.
PostgresServer &server_of(size_t i) {
    static std::unique_ptr<PostgresServer> servers[2]; // start() may fail
    if (!servers[i]) {
        servers[i] = std::make_unique<PostgresServer>(
            false, "synchronous_commit=on"); // a kill loses nothing
    }
    return *servers[i];
}

// Recovery by itself.
void recovers(SqlWorld &w) {
    Millis began = w.host.PollHost::now();
    w.until([&] { return w.db->health().usable; });
    assert_true(w.host.PollHost::now() - began < 5 * kSecond);
    assert_code(w.query(kOne), ok);
}

void a_server_that_is_killed_is_noticed_and_found_again(void **) {
    PostgresServer &server = server_of(0);
    SqlWorld w(server.make_schema(), {.pool = 2});
    assert_code(w.query(kAdd, "a", 1), ok);
    auto in_flight = w.db->query(kNap, sql::params(3000));
    in_flight.start();
    auto waits = w.db->query(kNap, sql::params(3000));
    waits.start();
    w.run(Runner::nap());
    server.kill();
    w.host.run(w.loop, [&] { return in_flight.done() && waits.done(); });
    assert_code(in_flight.take(), store_unavailable);
    assert_code(waits.take(), store_unavailable);
    auto got = w.query(kOne);
    assert_code(got, store_unavailable);
    assert_true(got.error().retry_after_s >= 1);
    assert_has(got.error().detail, "Try again");
    assert_true(says(*w.db, server.dir()));
    for (int i = 0; i < 100; i++) { // at once, and nothing piles up
        auto refused = w.db->query(kOne, sql::Params());
        refused.start();
        assert_true(refused.done());
    }
    server.start();
    recovers(w);
    assert_int_equal(w.count(), 1);
}

void a_server_that_hangs_is_given_up_in_time(void **) {
    PostgresServer &server = server_of(0);
    SqlWorld w(server.make_schema() + "&connect_timeout=1",
               {.pool = 2, .timeout = 700});
    assert_code(w.query(kAdd, "a", 1), ok);
    server.freeze();
    Millis began = w.host.now();
    assert_code(w.query(kAdd, "b", 1), store_unavailable);
    assert_true(says(*w.db, "no answer in time"));
    // Its socket still takes connections, and says nothing.
    assert_code(w.query(kAdd, "c", 1), store_unavailable);
    assert_true(w.host.now() - began < 4 * kSecond);
    assert_false(w.db->health().usable);
    server.thaw();
    recovers(w);
    assert_true(w.count() >= 1);
}

// What was sent whole may have been done, and is not done again.
void a_write_without_an_answer_is_said_to_be_one(void **) {
    PostgresServer &server = server_of(0);
    SqlWorld w(server.make_schema(), {.pool = 1, .timeout = 400});
    assert_code(w.query(kAdd, "a", 1), ok);
    server.freeze();
    auto got = w.query(kBump, "a", 1);
    assert_code(got, store_unavailable);
    assert_has(got.error().detail, "not known");
    server.thaw();
    recovers(w);
}

std::string both(const PostgresServer &a, const PostgresServer &b,
                 const std::string &schema) {
    return "postgresql://keystone@/keystone?connect_timeout=1&host=" + a.dir() +
           "," + b.dir() + "&options=-csearch_path%3D" + schema;
}

void the_host_that_can_be_written_to_is_found(void **) {
    PostgresServer &a = server_of(0), &b = server_of(1);
    a.ask("CREATE SCHEMA hands_over");
    b.ask("CREATE SCHEMA hands_over");
    b.ask("CREATE TABLE hands_over.t (k TEXT PRIMARY KEY, n BIGINT)");
    SqlWorld w(both(a, b, "hands_over"), {.pool = 2, .timeout = 1500});
    SqlWorld *world = &w;
    auto where = [world] {
        static const sql::Statement kWhere = {
            "where", "SELECT current_setting('unix_socket_directories')",
            sql::Access::read};
        auto rows = world->query(kWhere);
        return rows.ok() ? (*rows)[0].str(0) : "";
    };
    assert_text(where(), a.dir());
    // It becomes a standby: what is open does not know, until it writes.
    a.ask("ALTER DATABASE keystone SET default_transaction_read_only = on");
    static const sql::Statement kReadOnly = {
        "", "SET default_transaction_read_only = on", sql::Access::write};
    assert_code(w.query(kReadOnly), ok);
    assert_code(w.query(kAdd, "a", 1), store_unavailable);
    assert_true(says(*w.db, "25006"));
    assert_code(w.query(kAdd, "a", 1), ok);
    assert_text(where(), b.dir());

    // Back again, and now the one in use hangs.
    a.ask("BEGIN READ WRITE; ALTER DATABASE keystone RESET ALL; COMMIT");
    b.freeze();
    Millis began = w.host.now();
    assert_code(w.query(kOne), store_unavailable);
    w.until([&] { return w.query(kOne).ok(); });
    assert_true(w.host.now() - began < 6 * kSecond);
    assert_text(where(), a.dir());
    b.thaw();
}

void a_first_host_that_hangs_does_not_keep_from_the_second(void **) {
    PostgresServer &a = server_of(0), &b = server_of(1);
    b.ask("CREATE SCHEMA hangs");
    a.freeze();
    {
        SqlWorld w(both(a, b, "hangs"));
        assert_code(w.query(kAdd, "a", 1), ok);
    }
    a.thaw();
    assert_text(b.ask("SELECT COUNT(*) FROM hangs.t"), "1");
}

void make_certificates(const std::string &dir) {
    const std::string kNew = " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
                             " -nodes -days 2 2>/dev/null";
    for (const char *ca : {"ca", "other"}) {
        output_of("cd " + dir + " && openssl req -x509 -subj /CN=" + ca +
                  " -keyout " + ca + ".key -out " + ca + ".crt" + kNew);
    }
    output_of("cd " + dir +
              " && openssl req -subj /CN=localhost -keyout"
              " server.key -out server.csr" +
              kNew);
    output_of("cd " + dir +
              " && openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key"
              " -CAcreateserial -days 2 -out server.crt 2>/dev/null &&"
              " chmod 600 *.key && chmod 644 *.crt");
}

void a_certificate_is_looked_at(void **) {
    PostgresServer server(
        true, "ssl=on ssl_cert_file=DIR/server.crt ssl_key_file=DIR/server.key",
        make_certificates);
    std::string tail = " port=" + std::to_string(server.port()) +
                       " user=keystone dbname=keystone hostaddr=127.0.0.1"
                       " sslmode=verify-full sslrootcert=" +
                       server.dir();
    {
        SqlWorld w("host=localhost" + tail + "/ca.crt");
        static const sql::Statement kTls = {
            "tls", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            sql::Access::read};
        auto rows = w.query(kTls);
        assert_true(rows.ok() && (*rows)[0].flag(0));
        // Records that are decrypted before anybody asks for them.
        static const sql::Statement kMuch = {
            "much", "SELECT repeat('x', 1000) FROM generate_series(1, $1)",
            sql::Access::read};
        for (int n : {1, 10, 30, 500, 3000}) {
            rows = w.query(kMuch, n);
            assert_true(rows.ok());
            assert_int_equal(rows->size(), n);
        }
        assert_code(w.query(kAdd, std::string(2 << 20, 'x').substr(0, 2000), 1),
                    ok);
    }
    struct Row {
        const char *name;
        std::string file;
        const char *says;
    };
    const Row rows[] = {
        {"db.example.org", "/ca.crt", "does not match host name"},
        {"localhost", "/other.crt", "certificate verify failed"},
        {"localhost", "/none.crt", "sslrootcert="},
    };
    for (const Row &row : rows) {
        Runner w;
        auto db = sql::open(std::string("host=") + row.name + tail + row.file);
        auto got = w.run((*db)->query(kOne, sql::Params()));
        assert_code(got, store_unavailable);
        assert_true(says(**db, row.says));
        assert_true(says(**db, "sslrootcert"));
    }
}

// pgbouncer in transaction mode.
class Pooler {
  public:
    explicit Pooler(const PostgresServer &server) : dir_(server.dir()) {
        std::ofstream conf(dir_ + "/pgbouncer.ini");
        conf << "[databases]\nkeystone = host=" << dir_
             << " user=keystone\n[pgbouncer]\npool_mode = transaction\n"
                "default_pool_size = 2\nauth_type = any\nlisten_port = 6432\n"
                "server_login_retry = 1\nunix_socket_dir = "
             << dir_ << "/pool\nlogfile = " << dir_ << "/pool/log\n";
        conf.close();
        std::filesystem::create_directory(dir_ + "/pool");
        std::filesystem::permissions(dir_ + "/pool",
                                     std::filesystem::perms(0777));
        pid_ = fork();
        if (pid_ == 0) {
            std::string log = dir_ + "/pgbouncer.log";
            bool root = geteuid() == 0;
            [[maybe_unused]] FILE *out = freopen(log.c_str(), "w", stderr);
            std::string ini = dir_ + "/pgbouncer.ini";
            if (root) {
                execlp("setpriv", "setpriv", "--reuid=postgres",
                       "--regid=postgres", "--clear-groups", "pgbouncer", "-q",
                       ini.c_str(), nullptr);
            } else {
                execlp("pgbouncer", "pgbouncer", "-q", ini.c_str(), nullptr);
            }
            _exit(127);
        }
    }
    ~Pooler() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
    std::string url() const {
        return "postgresql://keystone@/keystone?port=6432&host=" + dir_ +
               "/pool";
    }
    // So far.
    int logins() const {
        return std::stoi(
            output_of("grep -c 'login attempt' " + dir_ + "/pool/log"));
    }
    // The socket of an earlier one may still be there.
    bool listens() const {
        PGconn *conn = PQconnectdb(url().c_str());
        bool in = PQstatus(conn) == CONNECTION_OK;
        PQfinish(conn);
        return in;
    }

  private:
    std::string dir_;
    pid_t pid_ = -1;
};

void a_pooler_may_stand_between(void **) {
    PostgresServer &server = server_of(0);
    Pooler pooler(server);
    {
        Runner w;
        w.until([&] { return pooler.listens(); });
        auto db = sql::open(pooler.url()); // without pooler=transaction
        auto got = w.run((*db)->query(kOne, sql::Params()));
        assert_code(got, store_unavailable);
        assert_true(says(**db, "pooler=transaction"));
    }
    // More connections than the pooler has to the server.
    SqlWorld w(pooler.url(), {.pool = 6, .timeout = 2000, .pooler = true});
    assert_code(w.query(kAdd, "a", 0), ok);
    std::vector<rt::Task<Result<sql::Outcome>>> tasks;
    for (int i = 0; i < 60; i++) {
        sql::Batch batch;
        batch.emplace_back(kBump, sql::params("a", 1), sql::Expect::rows);
        batch.emplace_back(kAll, sql::Params());
        if (i % 3 == 0) {
            batch.emplace_back(kBump, sql::params("nobody", 1),
                               sql::Expect::rows);
        }
        tasks.push_back(w.db->batch(std::move(batch)));
        tasks.back().start();
    }
    int bumps = 0;
    for (auto &task : tasks) {
        w.host.run(w.loop, [&] { return task.done(); });
        auto done = task.take();
        assert_true(done.ok());
        bumps += done->done() ? 1 : 0;
    }
    assert_int_equal(bumps, 40);
    auto rows = w.query(kAll);
    assert_int_equal((*rows)[0].number(1), bumps);
    Millis began = w.host.now();
    assert_code(w.query(kNap, 30'000), store_unavailable);
    assert_true(says(*w.db, "57014")); // the limit is set in each transaction
    assert_true(w.host.now() - began < 4 * kSecond);
    assert_code(w.query(kOne), ok);
}

// It lets everybody in, whether there is a server behind it or not.
void a_pooler_alone_is_no_database(void **) {
    PostgresServer &server = server_of(0);
    Pooler pooler(server);
    Runner w;
    w.until([&] { return pooler.listens(); });
    auto db =
        sql::open(pooler.url(), {.pool = 2, .timeout = 700, .pooler = true});
    auto asks = [&] { return w.run((*db)->query(kOne, sql::Params())).ok(); };
    assert_true(asks());
    server.kill();
    w.until([&] { return !asks(); });
    int before = pooler.logins();
    Millis end = w.host.now() + 3 * kSecond;
    while (w.host.now() < end) {
        assert_false(asks());
        assert_false((*db)->health().usable);
        w.run(Runner::nap());
    }
    assert_true(pooler.logins() - before <= 12);    // about two a second
    assert_false(says(**db, "pooler=transaction")); // it is written there
    for (const std::string &line : w.host.lines) {
        assert_null(std::strstr(line.c_str(), "connected to"));
    }
    server.start();
    w.until([&] { return (*db)->health().usable; });
    assert_true(asks());
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_killed_is_noticed_and_found_again),
        cmocka_unit_test(a_server_that_hangs_is_given_up_in_time),
        cmocka_unit_test(a_write_without_an_answer_is_said_to_be_one),
        cmocka_unit_test(the_host_that_can_be_written_to_is_found),
        cmocka_unit_test(a_first_host_that_hangs_does_not_keep_from_the_second),
        cmocka_unit_test(a_certificate_is_looked_at),
        cmocka_unit_test(a_pooler_may_stand_between),
        cmocka_unit_test(a_pooler_alone_is_no_database),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
