#include "redis/link.h"

#include "rt/wait.h"

#include <algorithm>
#include <cstring>
#include <sys/un.h>

namespace ks::redis {

namespace {

// From half of `most` to all of it, so that not all come back at once.
Millis jitter(Millis most) {
    uint8_t byte;
    rt::Loop::current().entropy().fill({&byte, 1});
    return most / 2 + most * byte / 512;
}

} // namespace

Link::Link(Options options, Owner &owner)
    : options_(std::move(options)), owner_(owner), wire_(*this) {
    health_.trouble = "not connected yet";
}

Link::~Link() = default;

std::string Link::address() const {
    if (!options_.path.empty()) {
        return "unix:" + options_.path;
    }
    return options_.host + ':' + options_.port;
}

void Link::start() {
    work_ = keep();
    work_.start();
}

rt::Task<void> Link::keep() {
    Millis retry = kRetryMin;
    for (;;) {
        co_await open();
        if (told_) {
            Millis since = rt::Loop::current().now();
            while (up_) {
                co_await news_.wait(kNever, rt::Hold::none);
            }
            told_ = false;
            owner_.link_down();
            if (rt::Loop::current().now() - since >= kRetryMax) {
                retry = kRetryMin;
                continue;
            }
        }
        co_await rt::sleep_for(jitter(retry), rt::Hold::none);
        retry = std::min(retry * 2, kRetryMax);
    }
}

rt::Task<void> Link::open() {
    if (!options_.path.empty()) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::strncpy(to.sun_path, options_.path.c_str(),
                     sizeof(to.sun_path) - 1);
        const auto *address = reinterpret_cast<const sockaddr *>(&to);
        co_await try_address(address, sizeof(to));
        co_return;
    }
    rt::HostPort where{options_.host, options_.port};
    auto work = rt::resolve(std::move(where), rt::Hold::none);
    auto found = co_await std::move(work);
    if (!found) {
        set_state(false, found.error().detail);
        co_return;
    }
    std::vector<rt::Address> all = std::move(*found);
    size_t count = std::min(all.size(), kMaxAddresses);
    for (size_t i = 0; i < count && !told_; i++) {
        co_await try_address(all[i].get(), all[i].len);
    }
}

Result<std::unique_ptr<Tls>> Link::tls() {
    if (!options_.tls) {
        return std::unique_ptr<Tls>();
    }
    if (tls_ == nullptr) {
        auto made = TlsContext::make(options_.ca);
        if (!made) {
            return std::move(made.error());
        }
        tls_ = std::move(*made);
    }
    return std::make_unique<Tls>(tls_, options_.host);
}

rt::Task<void> Link::try_address(const sockaddr *to, socklen_t len) {
    auto secure = tls();
    if (!secure) {
        set_state(false, secure.error().detail);
        co_return;
    }
    hello_.reset();
    reader_.emplace();
    news_.hush();
    std::string trouble = wire_.connect(to, len, std::move(*secure));
    if (!trouble.empty()) {
        set_state(false, std::move(trouble));
        co_return;
    }
    Millis limit = std::max(kOpenWithin, options_.timeout);
    bool news = co_await news_.wait(limit, rt::Hold::none);
    if (!news) {
        wire_.close();
        set_state(false, options_.tls ? "does not answer: does it speak TLS?"
                                      : "does not answer");
    }
}

void Link::wire_open() {
    hello_.emplace(options_);
    wire_.send(hello_->request());
}

void Link::wire_read(std::string_view bytes) {
    reader_->feed(bytes);
    while (auto reply = reader_->next()) {
        if (up_) {
            owner_.link_reply(std::move(*reply));
            if (!up_) {
                return; // dropped from there
            }
            continue;
        }
        Hello::State state = hello_->reply(*reply);
        if (state == Hello::State::refused) {
            return drop(hello_->trouble());
        }
        if (state == Hello::State::done) {
            up_ = told_ = true;
            set_state(true, "");
            news_.ring();
            owner_.link_up();
        }
    }
    if (!reader_->trouble().empty()) {
        drop("does not speak Redis's protocol: " + reader_->trouble());
    }
}

void Link::drop(std::string trouble) {
    wire_.close();
    down(std::move(trouble));
}

void Link::wire_broken(std::string trouble) {
    bool network = !options_.tls && options_.path.empty();
    if (!told_ && hello_ && network) {
        trouble += ": does it want TLS?";
    }
    down(std::move(trouble));
}

void Link::down(std::string trouble) {
    up_ = false;
    set_state(false, std::move(trouble));
    news_.ring();
}

void Link::set_state(bool usable, std::string trouble) {
    rt::Loop &loop = rt::Loop::current();
    if (usable != health_.usable || health_.since == 0) {
        health_.since = loop.wall();
        if (usable && complained_ >= 0 && !quiet) {
            loop.log(rt::LogLevel::notice,
                     "redis " + address() + ": connected again");
        }
    }
    health_.usable = usable;
    health_.trouble = std::move(trouble);
    if (!usable) {
        complain(health_.trouble);
    }
}

void Link::complain(std::string_view trouble) {
    rt::Loop &loop = rt::Loop::current();
    if (!quiet && loop.now() - complained_ >= kSecond) {
        complained_ = loop.now();
        loop.log(rt::LogLevel::err,
                 "redis " + address() + ": " + std::string(trouble));
    }
}

} // namespace ks::redis
