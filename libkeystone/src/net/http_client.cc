#include "net/http_client.h"

#include "codec/http_reader.h"
#include "rt/resolve.h"
#include "rt/wait.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace ks::net {

namespace {

// Why there is no connection to an address.  Of several addresses the greatest
// tells of the server, as an address that is of no use here, in a family that
// this host does not have, says nothing of the others.
enum class Want : uint8_t {
    here,    // no address or port of ours leads there: is it all of them?
    no_way,  // this host has none there
    refused, // nobody listens
    silent,  // no answer: it may live, whatever refuses at another address
    ours     // we are short of something, and did not see whether one listens
};

// `sent`: it is the network's answer, not our own routes'.
Want want_of(int error, bool sent) {
    switch (error) {
    case ECONNREFUSED:
        return Want::refused;
    case ENETUNREACH:
    case EAFNOSUPPORT:
        return sent ? Want::silent : Want::no_way;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return Want::ours;
    case EADDRNOTAVAIL:
        return Want::here;
    default:
        return Want::silent;
    }
}

// Whose sessions are taken for lost depends on this: only a refusal is sure.
Code code_of(Want want) {
    switch (want) {
    case Want::refused:
        return Code::upstream_unavailable;
    case Want::no_way:
    case Want::silent:
        return Code::upstream_timeout;
    default:
        return Code::overloaded;
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
class Exchange : public rt::Op, private rt::FdSink, private rt::Timer {
  public:
    Exchange(const rt::Address &address, std::string request, size_t max_body)
        : address_(address), request_(std::move(request)), reader_(max_body) {}
    ~Exchange() override { close_fd(); }

    // Both on the loop's clock: of the connection, and of all of it.
    void limit(Millis connect, Millis all) {
        connect_by_ = connect;
        end_by_ = all;
    }
    bool connected() const { return connected_; }
    // When it is not.
    Want want() const { return want_; }
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
        if (watch_ == nullptr) {
            return unreachable(EMFILE);
        }
        arm_at(connect_by_);
        return true;
    }

    bool unreachable(int error) {
        want_ = want_of(error, watch_ != nullptr);
        failed_.emplace(code_of(want_), std::strerror(error), 2);
        close_fd();
        return false;
    }

    void expired() override {
        if (fd_ >= 0) {
            failed_.emplace(Code::upstream_timeout, "no answer in time", 1);
            close_fd();
        }
        tell();
    }

    void on_fd(unsigned ready) override {
        if (fd_ >= 0 && (connected_ || check_connect())) {
            if (sent_ < request_.size()) {
                send_some();
            } else if ((ready & rt::kRead) != 0) {
                receive();
            }
        }
        tell();
    }

    void tell() {
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
        arm_at(end_by_);
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
        disarm();
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
    Want want_ = Want::silent;
    Millis connect_by_ = 0;
    Millis end_by_ = 0;
    size_t sent_ = 0;
    int fd_ = -1;
    void *watch_ = nullptr;
    bool connected_ = false;
    bool told_ = false;
};

} // namespace

rt::Task<Result<HttpAnswer>> http_call(HttpAsk ask) {
    rt::Loop &loop = rt::Loop::current();
    Millis end = loop.now() + ask.deadline;
    auto work = rt::resolve(rt::split_host_port(ask.host_port));
    auto found =
        co_await rt::within(std::move(work), ask.deadline,
                            Code::upstream_timeout, "no answer in time");
    if (!found) {
        co_return std::move(found.error());
    }
    std::vector<rt::Address> addresses = std::move(*found);
    Result<HttpAnswer> answer = Error(Code::upstream_timeout, "no address");
    Want worst = Want::here;
    for (size_t i = 0; i < addresses.size(); i++) {
        Exchange exchange(addresses[i], request_of(ask), ask.max_body);
        // One that swallows all leaves their time to the others.
        Millis now = loop.now();
        auto left = static_cast<Millis>(addresses.size() - i);
        exchange.limit(now + std::max<Millis>(end - now, 0) / left, end);
        auto got = co_await exchange;
        if (got || exchange.connected()) {
            co_return got;
        }
        if (exchange.want() >= worst) {
            worst = exchange.want();
            answer = std::move(got);
        }
    }
    co_return answer;
}

} // namespace ks::net
