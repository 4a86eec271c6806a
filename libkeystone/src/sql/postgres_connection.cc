#include "sql/postgres_connection.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <unistd.h>
#include <utility>

namespace ks::sql {

namespace {

struct ResultClear {
    void operator()(PGresult *r) const { PQclear(r); }
};

// What TLS has decrypted and libpq has not taken yet: no readiness tells.
bool more_in_tls(PGconn *conn) {
    auto *ssl = static_cast<SSL *>(PQsslStruct(conn, "OpenSSL"));
    return ssl != nullptr && SSL_pending(ssl) > 0;
}

} // namespace

PostgresConnection::PostgresConnection(PostgresHandle handle, std::string host,
                                       Owner &owner)
    : handle_(std::move(handle)), host_(std::move(host)), owner_(owner),
      idle_since_(rt::Loop::current().now()) {}

PostgresConnection::~PostgresConnection() { unwatch(); }

void PostgresConnection::unwatch() {
    if (watch_ != nullptr) {
        rt::Loop::current().host().fd_unwatch(std::exchange(watch_, nullptr));
    }
    if (fd_ >= 0) {
        close(std::exchange(fd_, -1));
    }
}

PostgresHandle PostgresConnection::release() {
    unwatch();
    return std::move(handle_);
}

// A second descriptor of the socket is watched, because libpq closes its own
// as soon as it finds the connection broken, and a closed one cannot be taken
// out of epoll.
bool PostgresConnection::watch() {
    fd_ = fcntl(PQsocket(handle_.get()), F_DUPFD_CLOEXEC, 0);
    if (fd_ < 0) {
        return false;
    }
    watch_ = rt::Loop::current().host().fd_watch(fd_, interest_, this);
    return watch_ != nullptr;
}

void PostgresConnection::start(std::unique_ptr<PostgresRun> run,
                               Millis deadline) {
    run_ = std::move(run);
    done_ = false;
    arm_at(deadline);
    if (finish(run_->send(handle_.get(), prepared_)) || !flush()) {
        // Told by the loop, never from inside this call.
        arm_at(rt::Loop::current().now());
    }
}

std::unique_ptr<PostgresRun> PostgresConnection::take_run() {
    disarm();
    done_ = false;
    idle_since_ = rt::Loop::current().now();
    return std::move(run_);
}

void PostgresConnection::on_fd(unsigned ready) {
    if (lost_ || done_) {
        return; // the owner is about to hear of it
    }
    bool over = (ready & rt::kRead) != 0 ? read() : pump();
    if (over || !flush()) {
        owner_.on_connection(*this);
    }
}

bool PostgresConnection::look() {
    bool over = lost_ || done_ || read() || !flush();
    if (over) {
        owner_.on_connection(*this);
    }
    return over;
}

void PostgresConnection::expired() {
    // A process that was stopped for a while may have its answer already.
    if (!lost_ && !done_ && !read()) {
        overdue_ = true;
        fail("no answer in time");
    }
    owner_.on_connection(*this);
}

// True: the owner has to hear of it.
bool PostgresConnection::read() {
    PGconn *conn = handle_.get();
    do {
        bool whole = PQconsumeInput(conn) == 1;
        if (pump()) {
            return true;
        }
        if (!whole) {
            fail(PQerrorMessage(conn));
            return true;
        }
    } while (more_in_tls(conn));
    return false;
}

// Takes what has arrived whole.
bool PostgresConnection::pump() {
    PGconn *conn = handle_.get();
    while (run_ != nullptr && PQisBusy(conn) == 0) {
        std::unique_ptr<PGresult, ResultClear> result(PQgetResult(conn));
        if (!result && PQstatus(conn) == CONNECTION_BAD) {
            fail(PQerrorMessage(conn));
            return true;
        }
        if (finish(run_->take(conn, result.get(), prepared_))) {
            return true;
        }
    }
    return false;
}

bool PostgresConnection::finish(PostgresRun::Next next) {
    if (next == PostgresRun::Next::send) {
        next = run_->send(handle_.get(), prepared_);
    }
    done_ = next == PostgresRun::Next::done;
    lost_ = lost_ || (done_ && run_->broken());
    return done_;
}

void PostgresConnection::fail(std::string_view why) {
    lost_ = true;
    PostgresFailure failure = sql::lost(why, host_);
    if (run_ != nullptr) {
        run_->end(std::move(failure));
        done_ = true;
    } else {
        trouble_ = std::move(failure.error.detail);
    }
}

// While libpq cannot send all, the server may be waiting for us to read.
bool PostgresConnection::flush() {
    int left = PQflush(handle_.get());
    if (left < 0) {
        fail(PQerrorMessage(handle_.get()));
        return false;
    }
    unsigned interest = left == 0 ? rt::kRead : rt::kRead | rt::kWrite;
    if (interest != interest_) {
        interest_ = interest;
        rt::Loop::current().host().fd_update(watch_, interest);
    }
    return true;
}

} // namespace ks::sql
