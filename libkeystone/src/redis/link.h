// One connection to a Redis, made again whenever it breaks: the name is looked
// up and all its addresses are tried; the first try is made at once, the next
// ones ever later (kRetryMin to kRetryMax, with jitter).  A connection that
// breaks soon after it was made counts as another failure.
#pragma once

#include "codec/resp.h"
#include "redis/hello.h"
#include "redis/wire.h"
#include "rt/bell.h"
#include "rt/resolve.h"

#include <optional>

namespace ks::redis {

class Link : private Wire::Owner {
  public:
    static constexpr Millis kRetryMin = 50;
    static constexpr Millis kRetryMax = 2 * kSecond;
    static constexpr Millis kOpenWithin = kSecond; // of one address
    static constexpr size_t kMaxAddresses = 8;

    class Owner {
      public:
        virtual ~Owner() = default;
        virtual void link_up() = 0;
        virtual void link_reply(codec::Reply reply) = 0;
        // Once after each link_up().  None of these comes from inside a call of
        // the owner's, but link_reply() from catch_up().
        virtual void link_down() = 0;
    };

    Link(Options options, Owner &owner);
    ~Link() override;

    void start();
    bool up() const { return up_; }
    // Redis's clock when the connection was made, microseconds.
    int64_t opened_at() const { return hello_ ? hello_->time() : 0; }
    const Options &options() const { return options_; }
    const Health &health() const { return health_; }
    std::string address() const;

    // Only while up.  Bytes that were not written yet: unsent().
    void send(std::string_view bytes) { wire_.send(bytes); }
    size_t unsent() const { return wire_.unsent(); }
    // A process that was stopped for a while may have its answers already: to
    // be called before Redis is said not to answer.
    void catch_up() { wire_.catch_up(); }
    // It is of no use: link_down() follows, then it is made anew.
    void drop(std::string trouble);
    // In the log once a second at most, unless it is `quiet`.
    void complain(std::string_view trouble);
    bool quiet = false;

  private:
    void wire_open() override;
    void wire_read(std::string_view bytes) override;
    void wire_broken(std::string trouble) override;

    rt::Task<void> keep();
    rt::Task<void> open();
    rt::Task<void> try_address(const sockaddr *to, socklen_t len);
    Result<std::unique_ptr<Tls>> tls();
    void down(std::string trouble);
    void set_state(bool usable, std::string trouble);

    Options options_;
    Owner &owner_;
    Wire wire_;
    std::shared_ptr<TlsContext> tls_;
    std::optional<Hello> hello_;
    std::optional<codec::RespReader> reader_;
    bool up_ = false;
    bool told_ = false; // link_up(), and not link_down() yet
    Health health_;
    Millis complained_ = -kSecond;
    rt::Bell news_; // it opened or broke
    rt::Task<void> work_;
};

} // namespace ks::redis
