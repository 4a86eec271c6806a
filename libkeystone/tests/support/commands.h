// What tests ask of the system: a command's output, a port.
#pragma once

#include "test.h"

#include <cstdio>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace ks::test {

// Without the ends of its last lines; the test fails when the command does.
inline std::string output_of(const std::string &command) {
    FILE *pipe = popen(command.c_str(), "r");
    std::string out;
    char buffer[512];
    while (pipe != nullptr && fgets(buffer, sizeof(buffer), pipe) != nullptr) {
        out += buffer;
    }
    bool ok = pipe != nullptr && pclose(pipe) == 0;
    if (!ok) {
        print_error("%s: failed\n", command.c_str());
        _fail(__FILE__, __LINE__);
    }
    while (out.ends_with('\n')) {
        out.pop_back();
    }
    return out;
}

// Nobody listens on it now.
inline int free_port() {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(at);
    bind(fd, reinterpret_cast<sockaddr *>(&at), len);
    getsockname(fd, reinterpret_cast<sockaddr *>(&at), &len);
    close(fd);
    return ntohs(at.sin_port);
}

} // namespace ks::test
