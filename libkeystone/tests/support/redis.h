// Two kinds of Redis for tests: one on a thread that answers what the test
// says, and a real one of one's own (util/private.sh) that may be killed,
// stopped and started again.
#pragma once

#include "../store/support.h"
#include "codec/resp.h"
#include "commands.h"
#include "conf/redis.h"

#include <atomic>
#include <csignal>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace ks::test {

using Words = std::vector<std::string>;

class FakeRedis {
  public:
    // Bytes to answer: "" says nothing, "close" closes.
    using Handler = std::function<std::string(const Words &)>;

    explicit FakeRedis(Handler handler, size_t step = 0)
        : handler_(std::move(handler)), step_(step) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        path_ = dir_.file("s");
        path_.copy(at.sun_path, sizeof(at.sun_path) - 1);
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(
            bind(listener_, reinterpret_cast<sockaddr *>(&at), sizeof(at)), 0);
        listen(listener_, 16);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeRedis() {
        stop_ = true;
        thread_.join();
        close(listener_);
    }
    const std::string &path() const { return path_; }
    // Said to everybody who comes, unasked; before anybody does.
    std::string greeting;
    std::vector<Words> seen() {
        std::lock_guard guard(lock_);
        return seen_;
    }
    size_t count(std::string_view name) {
        size_t n = 0;
        for (const Words &words : seen()) {
            n += words[0] == name ? 1 : 0;
        }
        return n;
    }
    int connections() const { return connections_; }
    // So many answers are on their way: what reads the socket finds them.
    int answers() const { return answers_; }

    // What a good one says to the first commands of a connection.
    static std::string hello(const Words &words) {
        if (words[0] == "TIME") {
            return "*2\r\n$10\r\n1700000000\r\n$6\r\n123456\r\n";
        }
        if (words[0] == "SUBSCRIBE") {
            return "*3\r\n" + bulk("subscribe") + bulk(words[1]) + ":1\r\n";
        }
        return words[0] == "PING" ? "+PONG\r\n" : "+OK\r\n";
    }
    static std::string bulk(std::string_view text) {
        return '$' + std::to_string(text.size()) + "\r\n" + std::string(text) +
               "\r\n";
    }

  private:
    struct Peer {
        int fd;
        std::unique_ptr<codec::RespReader> reader;
    };

    void serve() {
        std::vector<Peer> peers;
        while (!stop_) {
            std::vector<pollfd> fds{{listener_, POLLIN, 0}};
            for (const Peer &peer : peers) {
                fds.push_back({peer.fd, POLLIN, 0});
            }
            poll(fds.data(), fds.size(), 10);
            for (size_t i = peers.size(); i-- > 0;) {
                if (fds[i + 1].revents != 0 && !read(peers[i])) {
                    close(peers[i].fd);
                    peers.erase(peers.begin() + static_cast<long>(i));
                }
            }
            if (fds[0].revents != 0) {
                int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                peers.push_back({fd, std::make_unique<codec::RespReader>()});
                connections_++;
                say(fd, greeting);
            }
        }
        for (const Peer &peer : peers) {
            close(peer.fd);
        }
    }

    bool read(Peer &peer) {
        char buffer[64 * 1024];
        ssize_t n = recv(peer.fd, buffer, sizeof(buffer), 0);
        if (n <= 0) {
            return false;
        }
        peer.reader->feed({buffer, static_cast<size_t>(n)});
        while (auto command = peer.reader->next()) {
            Words words;
            for (const codec::Reply &item : command->items) {
                words.push_back(item.text);
            }
            {
                std::lock_guard guard(lock_);
                seen_.push_back(words);
            }
            std::string answer = handler_(words);
            if (answer == "close") {
                return false;
            }
            say(peer.fd, answer);
            answers_++;
        }
        return true;
    }

    void say(int fd, std::string_view text) {
        while (!text.empty()) {
            size_t size =
                step_ > 0 ? std::min(step_, text.size()) : text.size();
            ssize_t n = send(fd, text.data(), size, MSG_NOSIGNAL);
            if (n <= 0) {
                return;
            }
            text.remove_prefix(static_cast<size_t>(n));
        }
    }

    TempDir dir_;
    Handler handler_;
    size_t step_; // bytes written at once; 0: all
    std::string path_;
    int listener_ = -1;
    std::atomic<bool> stop_ = false;
    std::atomic<int> connections_ = 0;
    std::atomic<int> answers_ = 0;
    std::mutex lock_;
    std::vector<Words> seen_;
    std::thread thread_;
};

class RealRedis {
  public:
    // Lines of its configuration; a port makes it listen there, too.
    explicit RealRedis(std::vector<std::string> lines = {}, int port = 0)
        : lines_(std::move(lines)), port_(port) {
        start();
    }
    ~RealRedis() { run("stop " + dir()); }

    void start() {
        std::string command = "redis " + dir() + ' ' + std::to_string(port_);
        for (const std::string &line : lines_) {
            command += " '" + line + '\'';
        }
        run(command);
    }
    void kill() { signal(SIGKILL); }
    void freeze() { signal(SIGSTOP); }
    void thaw() { signal(SIGCONT); }
    std::string path() const { return dir() + "/redis.sock"; }
    // As the directive names it.
    conf::Redis conf() const {
        conf::Redis conf;
        conf.path = path();
        return conf;
    }
    std::string cli(const std::string &words) const {
        return output_of("redis-cli -s " + path() + ' ' + words);
    }
    std::string dir() const { return dir_.file("r"); }

    static bool available() {
        return access("/usr/bin/redis-server", X_OK) == 0;
    }

  private:
    void run(const std::string &words) const {
        std::string script = __FILE__;
        script.erase(script.rfind('/'));
        output_of("PRIVATE_LIFE=120 " + script + "/../../../util/private.sh " +
                  words);
    }
    void signal(int number) const {
        std::ifstream in(dir() + "/pid");
        pid_t pid = 0;
        in >> pid;
        assert_true(pid > 1);
        ::kill(pid, number);
    }

    TempDir dir_;
    std::vector<std::string> lines_;
    int port_;
};

} // namespace ks::test
