// A private PostgreSQL for a test program (util/private.sh), on a unix socket
// or a port of 127.0.0.1.  shared_postgres() is one for all tests of a program,
// a schema each.
#pragma once

#include "commands.h"
#include "test.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <filesystem>
#include <libpq-fe.h>
#include <unistd.h>

namespace ks::test {

class PostgresServer {
  public:
    // `settings` go into postgresql.conf: "max_connections=20 ...", with DIR
    // for dir(); `prepare` is called with that, which then is PostgreSQL's.
    explicit PostgresServer(
        bool tcp = false, std::string settings = "",
        const std::function<void(const std::string &)> &prepare = {})
        : settings_(std::move(settings)), port_(tcp ? free_port() : 0) {
        std::string form = "/tmp/keystone-pg-XXXXXX"; // short: sockets
        root_ = mkdtemp(form.data());
        std::filesystem::permissions(root_, std::filesystem::perms(0711));
        for (size_t at; (at = settings_.find("DIR")) != std::string::npos;) {
            settings_.replace(at, 3, dir());
        }
        if (prepare) {
            std::filesystem::create_directory(dir());
            prepare(dir());
        }
        start();
    }
    ~PostgresServer() {
        output_of(script() + " stop " + dir());
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    PostgresServer(const PostgresServer &) = delete;
    PostgresServer &operator=(const PostgresServer &) = delete;

    // Also again, with the same data, at the same address.
    void start() {
        url_ =
            output_of(script() + " postgres " + dir() + " " +
                      std::to_string(port_) + " " + settings_ + " 2>/dev/null");
    }
    void stop() { output_of(script() + " stop " + dir()); }
    void kill() { signal(SIGKILL); }
    void freeze() { signal(SIGSTOP); }
    void thaw() { signal(SIGCONT); }

    std::string dir() const { return root_ + "/s"; }
    int port() const { return port_; }
    const std::string &url() const { return url_; }
    // The first value that the statement gives; waits for it.
    std::string ask(const std::string &sql, std::string url = "") const {
        PGconn *conn = PQconnectdb(url.empty() ? url_.c_str() : url.c_str());
        PGresult *result = PQexec(conn, sql.c_str());
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            print_error("%s: %s\n", sql.c_str(), PQerrorMessage(conn));
            _fail(__FILE__, __LINE__);
        }
        std::string got = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
        PQclear(result);
        PQfinish(conn);
        return got;
    }
    // A new and empty schema, as good as a database and made much faster.
    std::string make_schema() {
        std::string name = "t" + std::to_string(++schemas_);
        ask("CREATE SCHEMA " + name);
        return url_ + (url_.find('?') == std::string::npos ? '?' : '&') +
               "options=-csearch_path%3D" + name;
    }

    static std::string script() {
        std::string path = __FILE__;
        path.erase(path.rfind('/'));
        return path + "/../../../util/private.sh";
    }

  private:
    // PostgreSQL is a family of processes.
    void signal(int number) {
        std::ifstream in(dir() + "/pid");
        pid_t parent = 0;
        in >> parent;
        assert_true(parent > 1);
        std::vector<pid_t> family{parent};
        for (auto &entry : std::filesystem::directory_iterator("/proc")) {
            std::ifstream stat(entry.path() / "stat");
            pid_t pid = 0, of = 0;
            std::string name, state;
            if (stat >> pid >> name >> state >> of && of == parent) {
                family.push_back(pid);
            }
        }
        for (pid_t pid : family) {
            ::kill(pid, number);
        }
    }

    std::string root_;
    std::string settings_;
    int port_;
    std::string url_;
    int schemas_ = 0;
};

// Ends with the program.
inline PostgresServer &shared_postgres() {
    static std::unique_ptr<PostgresServer> server; // start() may fail
    if (!server) {
        server = std::make_unique<PostgresServer>(false, "max_connections=60");
    }
    return *server;
}

} // namespace ks::test
