#include "rt/resolve.h"

#include "rt/wait.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <netdb.h>

namespace ks::rt {

namespace {

struct Found {
    std::vector<Address> addresses;
    int error = 0; // of getaddrinfo()
};

// Blocks unless `flags` say that the host is a number.
//
// Without AI_ADDRCONFIG, to which an address of loopback is none: on a host of
// one family the other half of "localhost" would be hidden, and ::1 no number.
// What cannot be reached comes last (RFC 6724, 6, rule 1) and fails at once.
Found look_up(const HostPort &where, int flags) {
    Found all;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo *found = nullptr;
    all.error =
        getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
    if (all.error != 0) {
        return all;
    }
    for (const addrinfo *a = found; a != nullptr; a = a->ai_next) {
        Address &out = all.addresses.emplace_back();
        out.len = a->ai_addrlen;
        std::memcpy(&out.text, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    return all;
}

// A resolver that does not answer holds a thread for long, so there is one
// look-up of a name at a time, and what was found before serves until it is
// done.
struct Name {
    std::vector<Address> addresses;
    std::optional<Error> failure; // of the last look
    Millis good_until = 0;
    bool looking = false;
};

std::map<std::string, Name, std::less<>> names_known; // of this process
constexpr Millis kNameFor = 2 * kSecond;
constexpr Millis kLookAgain = 10;

// Of the outcome of a look-up that found nothing.
std::string why_none(const std::string &host, int error) {
    if (error == EAI_NONAME) {
        return "the name " + host + " is not known";
    }
    return "the name " + host + " cannot be looked up: " + gai_strerror(error);
}

// A task of the worker: who asked may be gone before the thread is done.
Task<void> refresh(std::string key, HostPort where) {
    Name &name = names_known[key];
    struct Looking {
        bool &flag;
        ~Looking() { flag = false; }
    } looking{name.looking};
    auto blocking = [where] { return look_up(where, 0); };
    auto found = co_await offload(Pool::names, blocking);
    name.failure.reset();
    if (!found) {
        name.failure = std::move(found.error());
    } else if (found->addresses.empty()) {
        name.failure.emplace(Code::upstream_timeout,
                             why_none(where.host, found->error), 5);
    } else {
        name.addresses = std::move(found->addresses);
    }
    name.good_until = Loop::current().now() + kNameFor;
}

} // namespace

std::string Address::number() const {
    char host[NI_MAXHOST] = "";
    getnameinfo(get(), len, host, sizeof(host), nullptr, 0, NI_NUMERICHOST);
    return host;
}

HostPort split_host_port(std::string_view text) {
    size_t colon = text.rfind(':');
    if (colon == text.npos) {
        return {std::string(text), ""};
    }
    HostPort out{std::string(text.substr(0, colon)),
                 std::string(text.substr(colon + 1))};
    if (out.host.starts_with('[') && out.host.ends_with(']')) {
        out.host = out.host.substr(1, out.host.size() - 2);
    }
    return out;
}

Task<Result<std::vector<Address>>> resolve(HostPort where, Hold hold) {
    Found numeric = look_up(where, AI_NUMERICHOST);
    if (!numeric.addresses.empty()) {
        co_return std::move(numeric.addresses);
    }
    Loop &loop = Loop::current();
    std::string key = where.host + ':' + where.port;
    Name &name = names_known[key];
    bool looked = false;
    for (;;) {
        bool old = name.addresses.empty() || loop.now() >= name.good_until;
        if (old && !looked && !name.looking) {
            looked = true;
            name.looking = true;
            loop.spawn(refresh(key, where));
        }
        if (!name.addresses.empty()) {
            co_return name.addresses;
        }
        if (looked && !name.looking && name.failure) {
            co_return *name.failure;
        }
        co_await sleep_for(kLookAgain, hold);
    }
}

} // namespace ks::rt
