#include "net/http_client.h"

#include "codec/http_reader.h"
#include "rt/wait.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace ks::net {

namespace {

struct Address {
    sockaddr_storage text{};
    socklen_t len = 0;
};

struct HostPort {
    std::string host;
    std::string port;
};

HostPort split(const std::string &text) {
    size_t colon = text.rfind(':');
    HostPort out{text.substr(0, colon), text.substr(colon + 1)};
    if (out.host.starts_with('[') && out.host.ends_with(']')) {
        out.host = out.host.substr(1, out.host.size() - 2);
    }
    return out;
}

// All it has, as one may be of a family that the server does not listen on.
// Blocks unless `flags` say that the host is a number.
std::vector<Address> look_up(const HostPort &where, int flags) {
    std::vector<Address> all;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo *found = nullptr;
    if (getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found) !=
        0) {
        return all;
    }
    for (const addrinfo *a = found; a != nullptr; a = a->ai_next) {
        Address &out = all.emplace_back();
        out.len = a->ai_addrlen;
        std::memcpy(&out.text, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    return all;
}

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
    Exchange(const Address &address, std::string request, size_t max_body)
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
        const auto *to = reinterpret_cast<const sockaddr *>(&address_.text);
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

    Address address_;
    std::string request_;
    codec::HttpReader reader_;
    std::optional<Error> failed_;
    size_t sent_ = 0;
    int fd_ = -1;
    void *watch_ = nullptr;
    bool connected_ = false;
    bool told_ = false;
};

// A name of the configuration.  A resolver that does not answer holds a thread
// for long, so there is one look-up at a time, and what was found before serves
// until it is done.
struct Name {
    std::vector<Address> addresses;
    std::optional<Error> failure; // of the last look
    Millis good_until = 0;
    bool looking = false;
};

std::map<std::string, Name, std::less<>> names_known; // of this process
constexpr Millis kNameFor = 2 * kSecond;
constexpr Millis kLookAgain = 10;

// A task of the worker: who asked may be gone before the thread is done.
rt::Task<void> refresh(std::string host_port) {
    Name &name = names_known[host_port];
    struct Looking {
        bool &flag;
        ~Looking() { flag = false; }
    } looking{name.looking};
    HostPort where = split(host_port);
    auto blocking = [where] { return look_up(where, 0); };
    auto found = co_await rt::offload(rt::Pool::store, blocking);
    name.failure.reset();
    if (!found) {
        name.failure = std::move(found.error());
    } else if (found->empty()) {
        name.failure.emplace(Code::upstream_timeout,
                             "the name " + where.host + " is not known", 5);
    } else {
        name.addresses = std::move(*found);
    }
    name.good_until = rt::Loop::current().now() + kNameFor;
}

rt::Task<Result<std::vector<Address>>> addresses_of(std::string host_port) {
    std::vector<Address> numeric = look_up(split(host_port), AI_NUMERICHOST);
    if (!numeric.empty()) {
        co_return numeric;
    }
    rt::Loop &loop = rt::Loop::current();
    Name &name = names_known[host_port];
    bool looked = false;
    for (;;) {
        bool old = name.addresses.empty() || loop.now() >= name.good_until;
        bool busy = std::any_of(names_known.begin(), names_known.end(),
                                [](auto &n) { return n.second.looking; });
        if (old && !busy && !looked) {
            looked = true;
            name.looking = true;
            loop.spawn(refresh(host_port));
        }
        if (!name.addresses.empty()) {
            co_return name.addresses;
        }
        if (looked && !name.looking && name.failure) {
            co_return *name.failure;
        }
        co_await rt::sleep_for(kLookAgain);
    }
}

rt::Task<Result<HttpAnswer>> call(HttpAsk ask) {
    auto work = addresses_of(ask.host_port);
    auto found = co_await std::move(work);
    if (!found) {
        co_return std::move(found.error());
    }
    std::vector<Address> addresses = std::move(*found);
    Result<HttpAnswer> answer = Error(Code::upstream_timeout, "no address");
    for (const Address &address : addresses) {
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
