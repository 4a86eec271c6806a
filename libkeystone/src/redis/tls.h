// A TLS client between two pieces of memory: bytes of the wire go in and out on
// one side, plain text on the other.  By OpenSSL, which nginx uses, too.
#pragma once

#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st; // OpenSSL's
struct ssl_st;

namespace ks::redis {

class TlsContext {
  public:
    // `ca`: a file of certificates; empty: those of the system.
    static Result<std::shared_ptr<TlsContext>> make(const std::string &ca);
    ssl_ctx_st *get() const { return ctx_.get(); }

  private:
    struct Free {
        void operator()(ssl_ctx_st *ctx) const;
    };
    std::unique_ptr<ssl_ctx_st, Free> ctx_;
};

class Tls {
  public:
    // The server has to show a certificate for `host`, a name or an address.
    Tls(std::shared_ptr<TlsContext> context, const std::string &host);
    ~Tls();
    Tls(const Tls &) = delete;
    Tls &operator=(const Tls &) = delete;

    bool open() const { return open_; }
    // Empty: all is well.
    const std::string &trouble() const { return trouble_; }

    // Begins, or goes on with what came from the wire; what it says in plain
    // text is appended.
    void feed(std::string_view wire, std::string &plain);
    // Once open().
    void send(std::string_view plain);
    // What has to go over the wire now; taken by the caller.
    std::string take();

  private:
    struct Free {
        void operator()(ssl_st *ssl) const;
    };
    void fail(int result);

    std::shared_ptr<TlsContext> context_;
    std::unique_ptr<ssl_st, Free> ssl_;
    bool open_ = false;
    std::string trouble_;
};

} // namespace ks::redis
