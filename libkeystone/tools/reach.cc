#include "reach.h"

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

} // namespace

std::string try_connect(const std::string &address, Millis limit) {
    size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    std::string port = address.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *list = nullptr;
    int failed = getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
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

} // namespace ks::ctl
