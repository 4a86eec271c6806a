#include "reach.h"

#include "rt/loop.h"
#include "rt/poll_host.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ks::ctl {

namespace {

std::string connect_one(const addrinfo &a, Millis limit) {
    int fd = socket(a.ai_family, a.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    a.ai_protocol);
    if (fd < 0) {
        return std::strerror(errno);
    }
    int why = 0;
    if (connect(fd, a.ai_addr, a.ai_addrlen) != 0) {
        why = errno;
        pollfd waits = {fd, POLLOUT, 0};
        if (why == EINPROGRESS) {
            socklen_t size = sizeof(why);
            if (poll(&waits, 1, static_cast<int>(limit)) < 1) {
                why = ETIMEDOUT;
            } else {
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size);
            }
        }
    }
    close(fd);
    return why == 0 ? "" : std::strerror(why);
}

Scope scope_v4(uint32_t a) {
    constexpr struct {
        uint32_t net;
        int bits;
    } kLocal[] = {{0x0a000000, 8},   // 10/8
                  {0xac100000, 12},  // 172.16/12
                  {0xc0a80000, 16},  // 192.168/16
                  {0xa9fe0000, 16},  // 169.254/16
                  {0x64400000, 10}}; // 100.64/10
    if (a >> 24 == 127) {
        return Scope::loopback;
    }
    for (auto [net, bits] : kLocal) {
        if ((a ^ net) >> (32 - bits) == 0) {
            return Scope::local;
        }
    }
    return Scope::everybody;
}

Scope scope_v6(const in6_addr &a) {
    if (IN6_IS_ADDR_V4MAPPED(&a)) {
        uint32_t v4 = 0;
        std::memcpy(&v4, a.s6_addr + 12, sizeof(v4));
        return scope_v4(ntohl(v4));
    }
    if (IN6_IS_ADDR_LOOPBACK(&a)) {
        return Scope::loopback;
    }
    bool local = (a.s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(&a);
    return local ? Scope::local : Scope::everybody;
}

} // namespace

std::string try_connect(const std::string &address, Millis limit) {
    HostPort to = split_address(address);
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *list = nullptr;
    int failed = getaddrinfo(to.host.c_str(), to.port.c_str(), &wanted, &list);
    if (failed != 0) {
        return gai_strerror(failed);
    }
    std::string why;
    for (addrinfo *a = list; a != nullptr; a = a->ai_next) {
        why = connect_one(*a, limit);
        if (why.empty()) {
            break;
        }
    }
    freeaddrinfo(list);
    return why;
}

Result<net::HttpAnswer> http_ask(net::HttpAsk ask) {
    rt::PollHost host(rt::LogLevel::emerg);
    rt::Loop loop(host);
    auto task = net::http_call(std::move(ask));
    if (!task.start()) {
        host.run(loop, [&] { return task.done(); });
    }
    return task.take();
}

Scope scope_of(const std::string &host) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *list = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &wanted, &list) != 0) {
        return Scope::unknown;
    }
    Scope widest = Scope::unknown;
    for (addrinfo *a = list; a != nullptr; a = a->ai_next) {
        Scope one = Scope::unknown;
        if (a->ai_family == AF_INET) {
            sockaddr_in in{};
            std::memcpy(&in, a->ai_addr, sizeof(in));
            one = scope_v4(ntohl(in.sin_addr.s_addr));
        } else if (a->ai_family == AF_INET6) {
            sockaddr_in6 in{};
            std::memcpy(&in, a->ai_addr, sizeof(in));
            one = scope_v6(in.sin6_addr);
        }
        widest = std::max(widest, one);
    }
    freeaddrinfo(list);
    return widest;
}

bool is_numeric(const std::string &host) {
    in6_addr any{};
    return inet_pton(AF_INET, host.c_str(), &any) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

HostPort split_address(std::string_view address) {
    size_t colon = address.rfind(':');
    HostPort to;
    if (colon == std::string_view::npos) {
        to.port = address;
        return to;
    }
    std::string_view host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    to.host = host;
    to.port = address.substr(colon + 1);
    return to;
}

} // namespace ks::ctl
