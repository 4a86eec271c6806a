#include "sql/postgres_error.h"

#include <algorithm>
#include <cctype>

namespace ks::sql {

namespace {

constexpr int kRetrySoon = 1; // seconds
constexpr int kRetryLater = 2;

enum Then : uint8_t {
    stays = 0,
    broken = 1,
    collided = 2,
    forgotten = 4,
    standby = 8,
    wrong = 16 // the statement is: our fault
};

struct Known {
    std::string_view state; // or its beginning
    unsigned then;
    const char *cure;
};

// The first that fits.
constexpr Known kKnown[] = {
    {"08P01", wrong,
     "if a pooler such as pgbouncer stands between, write pooler=transaction "
     "behind the address in \"store\""},
    {"08", broken, ""},
    {"0A000", wrong | forgotten, ""}, // cached plan, after a migration
    {"25006", broken | standby,
     "this server is a standby or read-only: name the primary, or several "
     "hosts with target_session_attrs=read-write"},
    {"25P03", broken, ""},
    {"25P04", broken, ""},
    {"26000", wrong | forgotten,
     "if a pooler such as pgbouncer stands between, write pooler=transaction "
     "behind the address in \"store\""},
    {"28P01", broken, "look at user and password in the store's URL"},
    {"28", broken, "look at user in the store's URL, and at pg_hba.conf"},
    {"3D000", broken, "make the database, or name another"},
    {"3F000", stays, "run keystonectl migrate"},
    {"40001", collided, ""},
    {"40P01", collided, ""},
    {"42501", stays, "give the user of the store's URL the right to do that"},
    {"42P01", stays,
     "it has not the schema of this release: run keystonectl migrate"},
    {"42703", stays,
     "it has not the schema of this release: run keystonectl migrate"},
    {"42P05", wrong | forgotten,
     "if a pooler such as pgbouncer stands between, write pooler=transaction "
     "behind the address in \"store\""},
    {"53100", stays, "the disk is full: free space on the server"},
    {"53300", broken,
     "all its connections are taken: raise max_connections, or lower pool= in "
     "\"store\" (pool x workers x hosts are needed, twice that in a reload)"},
    {"53", stays, ""},
    {"55P03", collided, ""},
    {"57014", stays, "it took too long and was stopped"},
    {"57P", broken, ""},
    {"58", broken, ""},
    {"F0", broken, ""},
    {"P0", wrong, ""},
    {"XX", broken, "see the server's log"},
};

// "Key (owner, key)=(..) already exists." is (owner, key) of its table; the
// words around it depend on the server's language.
std::string unique_of(const PostgresReport &r) {
    size_t open = r.detail.find('(');
    size_t close = r.detail.find(")=(");
    if (open == std::string::npos || close == std::string::npos ||
        close < open) {
        return r.table;
    }
    std::string out, column;
    for (size_t i = open + 1; i <= close; i++) {
        char c = r.detail[i];
        if (c != ',' && i != close) {
            if (c != ' ') {
                column += c;
            }
            continue;
        }
        out += out.empty() ? "" : ", ";
        out += r.table + '.' + column;
        column.clear();
    }
    return out;
}

std::string told(const std::string &host, std::string_view message,
                 std::string_view state, std::string_view cure) {
    std::string text = "PostgreSQL at " + host + ": " + first_line(message);
    if (!state.empty()) {
        text += " (SQLSTATE " + std::string(state) + ')';
    }
    if (!cure.empty()) {
        text += ": " + std::string(cure);
    }
    return text;
}

} // namespace

std::string first_line(std::string_view text) {
    while (!text.empty() &&
           std::isspace(static_cast<unsigned char>(text[0])) != 0) {
        text.remove_prefix(1);
    }
    return std::string(text.substr(0, text.find('\n')));
}

PostgresFailure judge(const PostgresReport &r, const std::string &host) {
    if (r.state.empty()) {
        return lost(r.message, host);
    }
    if (r.state == "23505" || r.state == "23P01") {
        return PostgresFailure(Error(Code::conflict, unique_of(r)));
    }
    if (r.state == "23503") {
        return PostgresFailure(Error(Code::conflict, "foreign key"));
    }
    // pgbouncer says so both of what it does not take, which has a cure, and of
    // a server that it does not reach.
    bool away = r.fatal && r.state == "08P01" &&
                r.message.find("startup parameter") == std::string::npos;
    std::string_view state = away ? "08" : std::string_view(r.state);
    const auto *known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known &k) {
            return state.starts_with(k.state);
        });
    if (known == std::end(kKnown)) {
        return r.fatal
                   ? lost(r.message + " (SQLSTATE " + r.state + ')', host)
                   : PostgresFailure(Error(Code::internal,
                                           told(host, r.message, r.state, "")));
    }
    bool ours = (known->then & wrong) != 0 && !r.fatal;
    bool soon = (known->then & broken) == 0 && !r.fatal;
    PostgresFailure failure(
        Error(ours ? Code::internal : Code::store_unavailable,
              told(host, r.message, r.state, known->cure),
              ours ? 0 : (soon ? kRetrySoon : kRetryLater)));
    failure.broken = (known->then & broken) != 0 || r.fatal;
    failure.collided = (known->then & collided) != 0;
    failure.forgotten = (known->then & forgotten) != 0;
    failure.standby = (known->then & standby) != 0;
    return failure;
}

PostgresFailure judge_connect(std::string_view text, const std::string &host) {
    std::string line = first_line(text);
    // connection to server at "db" (192.0.2.1), port 5432 failed: FATAL: ...
    size_t failed = line.find(" failed: ");
    if (line.starts_with("connection to server") &&
        failed != std::string::npos) {
        line.erase(0, failed + 9);
    }
    PostgresReport report;
    size_t colon = line.find(":  ");
    size_t end = colon + 3 + 5;
    if (colon != std::string::npos && line.size() > end && line[end] == ':' &&
        std::all_of(&line[colon + 3], &line[end], [](char c) {
            return std::isdigit(static_cast<unsigned char>(c)) != 0 ||
                   std::isupper(static_cast<unsigned char>(c)) != 0;
        })) {
        report.state = line.substr(colon + 3, 5);
        report.message = first_line(std::string_view(line).substr(end + 1));
        report.fatal = true;
        return judge(report, host);
    }
    std::string cure;
    if (line.find("root certificate file") != std::string::npos) {
        cure = "name the authority's certificate with sslrootcert=/path in the "
               "store's URL";
    } else if (line.find("no password supplied") != std::string::npos) {
        cure = "the server asks for one: write it into the store's URL, "
               "postgresql://USER:PASSWORD@HOST/DATABASE";
    } else if (line.find("server does not support SSL") != std::string::npos) {
        cure = "set ssl = on in its postgresql.conf, or, in a network of your "
               "own, sslmode=disable in the store's URL";
    } else if (line.find("certificate") != std::string::npos) {
        cure = "look at sslmode, sslrootcert and the name of the host in the "
               "store's URL";
    } else if (line.find("read-only") != std::string::npos ||
               line.find("standby") != std::string::npos) {
        cure = "it is not the primary";
    }
    PostgresFailure failure(Error(Code::store_unavailable,
                                  told(host, line, "", cure), kRetryLater));
    failure.broken = true;
    return failure;
}

Error no_room(const std::string &host) {
    return Error(Code::overloaded,
                 "no connection is left for PostgreSQL at " + host +
                     ": raise worker_connections",
                 1);
}

PostgresFailure lost(std::string_view text, const std::string &host) {
    PostgresFailure failure(
        Error(Code::store_unavailable, told(host, text, "", ""), kRetryLater));
    failure.broken = true;
    return failure;
}

} // namespace ks::sql
