// An HTTP server on a thread, for clients of ours: answers raw bytes that the
// test chooses, one request a connection.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ks::test {

class HttpServer {
  public:
    struct Request {
        std::string method;
        std::string target;
        std::string text; // all of it
    };
    // Bytes to answer; "" closes without a word, "hang" says nothing at all.
    using Handler = std::function<std::string(const Request &)>;

    explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t len = sizeof(at);
        auto *any = reinterpret_cast<sockaddr *>(&at);
        bind(listener_, any, len);
        listen(listener_, 64);
        getsockname(listener_, any, &len);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~HttpServer() { stop(); }

    void stop() {
        stop_ = true;
        if (thread_.joinable()) {
            thread_.join();
            close(listener_);
        }
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::vector<std::string> lines() {
        std::lock_guard guard(lock_);
        return lines_;
    }
    size_t count(const std::string &line) {
        size_t n = 0;
        for (const std::string &one : lines()) {
            n += one == line ? 1 : 0;
        }
        return n;
    }

    static std::string json(const std::string &body) {
        return "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }

  private:
    void serve() {
        while (!stop_) {
            pollfd p{listener_, POLLIN, 0};
            if (poll(&p, 1, 10) <= 0) {
                continue;
            }
            int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            Request request = read(fd);
            {
                std::lock_guard guard(lock_);
                lines_.push_back(request.method + " " + request.target);
            }
            std::string answer = handler_(request);
            if (answer == "hang") {
                held_.push_back(fd);
                continue;
            }
            size_t sent = 0;
            while (sent < answer.size()) {
                ssize_t n = send(fd, answer.data() + sent, answer.size() - sent,
                                 MSG_NOSIGNAL);
                if (n <= 0) {
                    break;
                }
                sent += static_cast<size_t>(n);
            }
            close(fd);
        }
        for (int fd : held_) {
            close(fd);
        }
    }

    static Request read(int fd) {
        Request r;
        char buffer[4096];
        while (r.text.find("\r\n\r\n") == std::string::npos) {
            ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
            if (n <= 0) {
                break;
            }
            r.text.append(buffer, static_cast<size_t>(n));
        }
        size_t first = r.text.find(' ');
        size_t second = r.text.find(' ', first + 1);
        r.method = r.text.substr(0, first);
        r.target = r.text.substr(first + 1, second - first - 1);
        return r;
    }

    Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> stop_{false};
    std::thread thread_;
    std::mutex lock_;
    std::vector<std::string> lines_;
    std::vector<int> held_;
};

} // namespace ks::test
