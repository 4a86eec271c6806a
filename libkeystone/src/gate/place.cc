#include "gate/place.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <unistd.h>

namespace ks::gate {

namespace {

constexpr size_t kMaxProcesses = 64;

// This boot of this machine, and the space in which process numbers count.
std::string make_space() {
    std::ifstream in("/proc/sys/kernel/random/boot_id");
    std::string boot;
    in >> boot;
    char name[64];
    ssize_t n = readlink("/proc/self/ns/pid", name, sizeof(name));
    if (boot.empty() || n <= 0) {
        return {};
    }
    return boot + '/' + std::string(name, static_cast<size_t>(n));
}

const std::string &space() {
    static const std::string text = make_space();
    return text;
}

} // namespace

std::string make_place(std::span<const pid_t> processes) {
    if (space().empty() || processes.size() > kMaxProcesses) {
        return {};
    }
    std::string place = space();
    for (pid_t pid : processes) {
        place += ' ';
        place += std::to_string(pid);
    }
    return place;
}

bool is_over(std::string_view place) {
    size_t blank = place.find(' ');
    if (space().empty() || blank == std::string_view::npos ||
        place.substr(0, blank) != space()) {
        return false;
    }
    const char *at = place.data() + blank;
    const char *end = place.data() + place.size();
    while (at < end) {
        int pid = 0;
        auto [next, ec] = std::from_chars(at + 1, end, pid);
        bool gone =
            ec == std::errc() && pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
        if (!gone) {
            return false;
        }
        at = next;
    }
    return true;
}

} // namespace ks::gate
