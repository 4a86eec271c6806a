#include "redis/wire.h"

#include "rt/loop.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <utility>

namespace ks::redis {

std::string Wire::connect(const sockaddr *to, socklen_t len,
                          std::unique_ptr<Tls> tls) {
    close();
    tls_ = std::move(tls);
    fd_ = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
        return std::strerror(errno);
    }
    if (to->sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (::connect(fd_, to, len) != 0 && errno != EINPROGRESS) {
        // EAGAIN of a unix socket: its queue is full
        std::string why = std::strerror(errno);
        close();
        return why;
    }
    state_ = State::connecting;
    wants_write_ = true;
    watch_ = rt::Loop::current().host().fd_watch(fd_, rt::kWrite, this);
    if (watch_ == nullptr) {
        close();
        return "there are no connections left in this worker: raise "
               "worker_connections";
    }
    return {};
}

void Wire::close() {
    if (watch_ != nullptr) {
        rt::Loop::current().host().fd_unwatch(std::exchange(watch_, nullptr));
    }
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
    state_ = State::idle;
    tls_.reset();
    out_.clear();
}

void Wire::send(std::string_view bytes) {
    if (state_ != State::open) {
        return;
    }
    if (tls_ != nullptr) {
        tls_->send(bytes);
        out_ += tls_->take();
    } else {
        out_ += bytes;
    }
    flush();
}

void Wire::on_fd(unsigned ready) {
    if (state_ == State::connecting) {
        return connected();
    }
    if ((ready & rt::kWrite) != 0) {
        flush();
    }
    if ((ready & rt::kRead) != 0 && state_ != State::idle) {
        receive();
    }
}

void Wire::connected() {
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        return broken(std::strerror(error));
    }
    state_ = tls_ != nullptr ? State::securing : State::open;
    flush(); // nothing yet: from now on it is read
    if (tls_ != nullptr) {
        return secured({});
    }
    owner_.wire_open();
}

// What cannot be written is not told from here: the loop tells, as a socket
// that is broken is ready to be read.
void Wire::flush() {
    size_t sent = 0;
    while (sent < out_.size()) {
        ssize_t n =
            ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
        if (n < 0) {
            break;
        }
        sent += static_cast<size_t>(n);
    }
    out_.erase(0, sent);
    bool wants = !out_.empty() && (errno == EAGAIN || errno == EINTR);
    if (wants != wants_write_) {
        wants_write_ = wants;
        rt::Loop::current().host().fd_update(
            watch_, wants ? rt::kRead | rt::kWrite : rt::kRead);
    }
}

void Wire::catch_up() {
    bool more = state_ == State::open;
    while (more) {
        more = receive() && state_ == State::open;
    }
}

// False: there is no more.
bool Wire::receive() {
    char buffer[16 * 1024];
    ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n < 0) {
        bool again = errno == EINTR;
        if (errno != EAGAIN && !again) {
            broken(std::strerror(errno));
        }
        return again;
    }
    if (n == 0) {
        broken("closed the connection");
        return false;
    }
    std::string_view bytes(buffer, static_cast<size_t>(n));
    if (tls_ != nullptr) {
        secured(bytes);
    } else {
        owner_.wire_read(bytes);
    }
    return true;
}

void Wire::secured(std::string_view wire) {
    std::string plain;
    tls_->feed(wire, plain);
    std::string trouble = tls_->trouble();
    out_ += tls_->take(); // an alert, even when it failed
    flush();
    if (state_ == State::securing && tls_->open()) {
        state_ = State::open;
        owner_.wire_open();
    }
    if (!plain.empty() && state_ == State::open) {
        owner_.wire_read(plain);
    }
    if (!trouble.empty() && state_ != State::idle) {
        broken(trouble);
    }
}

void Wire::broken(std::string trouble) {
    close();
    owner_.wire_broken(std::move(trouble));
}

} // namespace ks::redis
