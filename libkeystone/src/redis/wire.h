// One socket to a Redis, without or with TLS.  Nothing here blocks, and nothing
// calls its owner back but what the loop calls.
#pragma once

#include "redis/tls.h"
#include "rt/host.h"

#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace ks::redis {

// idle -> connecting -> securing (TLS only) -> open; any -> idle.
class Wire : private rt::FdSink {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;
        virtual void wire_open() = 0;
        virtual void wire_read(std::string_view bytes) = 0;
        virtual void wire_broken(std::string trouble) = 0; // it is idle again
    };

    explicit Wire(Owner &owner) : owner_(owner) {}
    ~Wire() override { close(); }
    Wire(const Wire &) = delete;
    Wire &operator=(const Wire &) = delete;

    // Empty: wire_open() or wire_broken() will follow; else what is wrong.
    // `tls`: null for a plain connection.
    std::string connect(const sockaddr *to, socklen_t len,
                        std::unique_ptr<Tls> tls);
    void close();

    // Once open.  Written now as far as it goes, the rest when it can be.
    void send(std::string_view bytes);
    size_t unsent() const { return out_.size(); }
    // Reads all that has come; calls the owner back.
    void catch_up();

  private:
    enum class State : uint8_t { idle, connecting, securing, open };

    void on_fd(unsigned ready) override;
    void connected();
    bool receive();
    void secured(std::string_view wire);
    void flush();
    void broken(std::string trouble);

    Owner &owner_;
    State state_ = State::idle;
    int fd_ = -1;
    void *watch_ = nullptr;
    bool wants_write_ = false;
    std::unique_ptr<Tls> tls_;
    std::string out_;
};

} // namespace ks::redis
