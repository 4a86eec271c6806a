#include "net/http_client.h"

#include "codec/http_reader.h"
#include "rt/resolve.h"
#include "rt/wait.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace ks::net {

namespace {

// Whose sessions are taken for lost depends on this: only a refusal is sure.
Code code_of(int error) {
    switch (error) {
    case ECONNREFUSED:
        return Code::upstream_unavailable;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
        return Code::overloaded;
    default:
        return Code::upstream_timeout;
    }
}

std::string request_of(const HttpAsk &ask) {
    std::string text = ask.method + ' ' + ask.target + " HTTP/1.1\r\n";
    text += "Host: " + ask.host_port + "\r\n";
    text += "User-Agent: Keystone\r\nAccept: */*\r\nConnection: close\r\n";
    if (!ask.body.empty()) {
        text += "Content-Type: " + ask.content_type + "\r\n";
    }
    if (!ask.body.empty() || ask.method == "POST") {
        text += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n";
    }
    return text + "\r\n" + ask.body;
}

// A connection and what goes over it.  Destroyed at any time, it is closed.
class Exchange : public rt::Op, private rt::FdSink {
  public:
    Exchange(const rt::Address &address, std::string request, size_t max_body)
        : address_(address), request_(std::move(request)), reader_(max_body) {}
    ~Exchange() override { close_fd(); }

    bool connected() const { return connected_; }
    bool await_ready() { return !begin(); }
    Result<HttpAnswer> await_resume() {
        if (failed_) {
            return std::move(*failed_);
        }
        HttpAnswer answer;
        answer.status = reader_.status();
        answer.content_type = reader_.content_type();
        answer.location = reader_.location();
        answer.body = std::move(reader_.body());
        return answer;
    }

  private:
    // False: it has ended already.
    bool begin() {
        const sockaddr *to = address_.get();
        fd_ = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                     0);
        if (fd_ < 0) {
            return unreachable(errno);
        }
        int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(fd_, to, address_.len) != 0 && errno != EINPROGRESS) {
            return unreachable(errno);
        }
        watch_ = rt::Loop::current().host().fd_watch(fd_, rt::kWrite, this);
        return watch_ != nullptr || unreachable(EMFILE);
    }

    bool unreachable(int error) {
        failed_.emplace(code_of(error), std::strerror(error), 2);
        close_fd();
        return false;
    }

    void on_fd(unsigned ready) override {
        if (fd_ >= 0 && (connected_ || check_connect())) {
            if (sent_ < request_.size()) {
                send_some();
            } else if ((ready & rt::kRead) != 0) {
                receive();
            }
        }
        if (fd_ < 0 && !told_) {
            told_ = true;
            complete();
        }
    }

    bool check_connect() {
        int error = 0;
        socklen_t len = sizeof(error);
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0) {
            return unreachable(error);
        }
        return connected_ = true;
    }

    void send_some() {
        ssize_t n = send(fd_, request_.data() + sent_, request_.size() - sent_,
                         MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return broken();
        }
        sent_ += n > 0 ? static_cast<size_t>(n) : 0;
        if (sent_ == request_.size()) {
            rt::Loop::current().host().fd_update(watch_, rt::kRead);
        }
    }

    void receive() {
        using State = codec::HttpReader::State;
        char buffer[16 * 1024];
        ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                broken();
            }
            return;
        }
        State state = n == 0 ? reader_.end()
                             : reader_.feed({buffer, static_cast<size_t>(n)});
        if (state == State::failed) {
            broken();
        } else if (state == State::done) {
            close_fd();
        }
    }

    void broken() {
        failed_.emplace(Code::upstream_error,
                        reader_.silent() ? "closed without an answer"
                                         : "the answer is not HTTP",
                        2);
        close_fd();
    }

    void close_fd() {
        if (watch_ != nullptr) {
            rt::Loop::current().host().fd_unwatch(
                std::exchange(watch_, nullptr));
        }
        if (fd_ >= 0) {
            close(std::exchange(fd_, -1));
        }
    }

    rt::Address address_;
    std::string request_;
    codec::HttpReader reader_;
    std::optional<Error> failed_;
    size_t sent_ = 0;
    int fd_ = -1;
    void *watch_ = nullptr;
    bool connected_ = false;
    bool told_ = false;
};

rt::Task<Result<HttpAnswer>> call(HttpAsk ask) {
    auto work = rt::resolve(rt::split_host_port(ask.host_port));
    auto found = co_await std::move(work);
    if (!found) {
        co_return std::move(found.error());
    }
    std::vector<rt::Address> addresses = std::move(*found);
    Result<HttpAnswer> answer = Error(Code::upstream_timeout, "no address");
    for (const rt::Address &address : addresses) {
        Exchange exchange(address, request_of(ask), ask.max_body);
        auto got = co_await exchange;
        answer = std::move(got);
        if (answer || exchange.connected()) {
            break;
        }
    }
    co_return answer;
}

} // namespace

rt::Task<Result<HttpAnswer>> http_call(HttpAsk ask) {
    Millis limit = ask.deadline;
    auto work = call(std::move(ask));
    auto answer = co_await rt::within(
        std::move(work), limit, Code::upstream_timeout, "no answer in time");
    co_return answer;
}

} // namespace ks::net
