// ks_host_t, the host's table of C functions, as rt::Host.
#pragma once

#include "keystone.h"
#include "rt/host.h"

#include <array>

namespace ks::abi {

class CHost : public rt::Host, private Entropy {
  public:
    // `host` is borrowed and outlives this.
    explicit CHost(const ks_host_t &host) : host_(host) {}

    Millis now() override { return host_.monotonic_ms(host_.data); }
    WallMs wall() override { return host_.wall_ms(host_.data); }
    void log(rt::LogLevel level, std::string_view text) override {
        host_.log(host_.data, static_cast<int>(level), text.data(),
                  text.size());
    }
    void alarm(bool holds_worker, Millis at) override {
        host_.alarm(host_.data, holds_worker ? 1 : 0, at);
    }
    void post() override { host_.post(host_.data); }
    void *fd_watch(int fd, unsigned interest, rt::FdSink *sink) override;
    void fd_update(void *watch, unsigned interest) override {
        host_.fd_update(host_.data, watch, interest);
    }
    void fd_unwatch(void *watch) override {
        host_.fd_unwatch(host_.data, watch);
    }
    bool offload(rt::Pool pool, rt::Job *job) override;
    Entropy &entropy() override { return *this; }

  private:
    void fill(std::span<uint8_t> out) override;

    const ks_host_t &host_;
    // One system call serves many ids.
    std::array<uint8_t, 512> pool_;
    size_t used_ = sizeof(pool_);
};

} // namespace ks::abi
