#include "sql/postgres_connecting.h"

#include <libpq-fe.h>

namespace ks::sql {

namespace {

// Of no use to anybody who asked; libpq would write it to stderr.
void on_notice(void *, const PGresult *result) {
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (text != nullptr) {
        rt::Loop::current().log(rt::LogLevel::info,
                                "PostgreSQL says: " + first_line(text));
    }
}

} // namespace

void PostgresClose::operator()(pg_conn *conn) const { PQfinish(conn); }

bool PostgresConnecting::await_ready() {
    std::vector<const char *> keywords, values;
    for (auto [keyword, value] : words_) {
        keywords.push_back(keyword);
        values.push_back(value);
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    handle_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
    if (!handle_) {
        return over(PostgresFailure(
            Error(Code::store_unavailable, "out of memory", 1)));
    }
    if (PQstatus(handle_.get()) == CONNECTION_BAD) {
        return over(judge_connect(PQerrorMessage(handle_.get()), host_));
    }
    PQsetNoticeReceiver(handle_.get(), on_notice, nullptr);
    // The server's own code for what is wrong is nowhere else to be had.
    PQsetErrorVerbosity(handle_.get(), PQERRORS_VERBOSE);
    arm_in(limit_);
    return !watch(rt::kWrite); // as if PQconnectPoll() had asked for it
}

void PostgresConnecting::on_fd(unsigned) {
    if (!over_ && poll()) {
        complete();
    }
}

// libpq may go on with another socket that has the number of the one before,
// so what is known of the descriptor ends with each call.  True: it is over.
bool PostgresConnecting::poll() {
    unwatch();
    PGconn *conn = handle_.get();
    switch (PQconnectPoll(conn)) {
    case PGRES_POLLING_READING:
        return !watch(rt::kRead);
    case PGRES_POLLING_WRITING:
        return !watch(rt::kWrite);
    case PGRES_POLLING_OK:
        break;
    default:
        return over(judge_connect(PQerrorMessage(conn), host_));
    }
    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1) {
        return over(lost(PQerrorMessage(conn), host_));
    }
    return over(std::nullopt);
}

bool PostgresConnecting::watch(unsigned interest) {
    watch_ = rt::Loop::current().host().fd_watch(PQsocket(handle_.get()),
                                                 interest, this);
    return watch_ != nullptr || !over(PostgresFailure(no_room(host_)));
}

void PostgresConnecting::unwatch() {
    if (watch_ != nullptr) {
        rt::Loop::current().host().fd_unwatch(watch_);
        watch_ = nullptr;
    }
}

void PostgresConnecting::expired() {
    if (!over_) {
        over(lost("no answer within " + std::to_string(limit_) + " ms", host_));
        complete();
    }
}

bool PostgresConnecting::over(std::optional<PostgresFailure> failure) {
    over_ = true;
    disarm();
    unwatch();
    failure_ = std::move(failure);
    if (failure_) {
        handle_.reset();
    }
    return true;
}

} // namespace ks::sql
