#include "store/leases.h"

#include <limits>

namespace ks::store {

namespace {

using redis::Script;

constexpr int64_t kWhatever = std::numeric_limits<int64_t>::max();

// KEYS: the lease.  ARGV: term, host, session, open, seal, milliseconds, and who
// keeps it: a claim newer than a term, if a field of it is not of a value.
// 1; or of whom has it term, host, session, open and seal.
const Script &take_script() {
    static const Script script(
        "if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then "
        "redis.call('DEL', KEYS[1]) end "
        "local is = redis.call('HMGET', KEYS[1], 'term', 'host', 'session', "
        "'open', 'seal', ARGV[8]) "
        "local term = tonumber(is[1] or '') "
        "if term and (is[6] or '') ~= ARGV[9] and term > tonumber(ARGV[7]) "
        "then return {is[1], is[2] or '', is[3] or '', is[4] or '', "
        "is[5] or ''} end "
        "redis.call('HSET', KEYS[1], 'term', ARGV[1], 'host', ARGV[2], "
        "'session', ARGV[3], 'open', ARGV[4], 'seal', ARGV[5]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[6]) "
        "return 1");
    return script;
}

// Of a session; or of a host and no newer than a term.
const Script &drop_script() {
    static const Script script(
        "if redis.call('TYPE', KEYS[1]).ok == 'hash' "
        "then local is = redis.call('HMGET', KEYS[1], 'term', 'host', "
        "'session') "
        "if is[3] == ARGV[1] or (is[2] == ARGV[2] and "
        "(tonumber(is[1] or '') or 0) <= tonumber(ARGV[3])) "
        "then return redis.call('DEL', KEYS[1]) end end "
        "return 0");
    return script;
}

std::string key_of(const Shared &shared, const Id &stream) {
    return shared.key("p:" + stream.str());
}

// Of one of our hosts: who can write to Redis cannot make one.
std::string seal_of(const Shared &shared, const std::string &key,
                    const std::string &term, const std::string &host,
                    const std::string &session, const std::string &open) {
    return shared.seal("lease " + key + '\0' + term + '\0' + host + '\0' +
                       session + '\0' + open);
}

} // namespace

rt::Task<Leases::Taken> Leases::write(Lease lease, bool open, Rule rule) {
    if (shared_ == nullptr || !shared_->usable()) {
        co_return Taken::unknown;
    }
    std::string key = key_of(*shared_, lease.stream);
    std::string term = std::to_string(lease.term);
    std::string opened = open ? "1" : "0";
    std::string seal = seal_of(*shared_, key, term, lease.host.str(),
                               lease.session.str(), opened);
    // What is not of our hosts is in nobody's way: the second time it gives way.
    for (int round = 0; round < 2; round++) {
        redis::Words words = {key,
                              term,
                              lease.host.str(),
                              lease.session.str(),
                              opened,
                              seal,
                              std::to_string(kLasts),
                              std::to_string(rule.newer_than),
                              rule.field,
                              rule.value};
        auto work = shared_->run(take_script(), 1, std::move(words));
        auto got = co_await std::move(work);
        if (!got) {
            co_return got.error().code == Code::internal ? Taken::refused
                                                         : Taken::unknown;
        }
        if (got->kind == codec::Reply::Kind::number) {
            co_return Taken::yes;
        }
        const std::vector<codec::Reply> &is = got->items;
        if (is.size() != 5) {
            co_return Taken::refused;
        }
        if (is[4].text == seal_of(*shared_, key, is[0].text, is[1].text,
                                  is[2].text, is[3].text)) {
            co_return is[3].text == "0" ? Taken::claimed : Taken::no;
        }
        rule.field = "seal";
        rule.value = is[4].text;
    }
    co_return Taken::refused;
}

rt::Task<Leases::Taken> Leases::take(Lease lease, int64_t seen) {
    Rule rule{seen, "host", lease.host.str()};
    return write(std::move(lease), false, std::move(rule));
}

rt::Task<Leases::Taken> Leases::keep(Lease lease) {
    Rule rule{lease.term, "session", lease.session.str()};
    return write(std::move(lease), true, std::move(rule));
}

rt::Task<Leases::Taken> Leases::put(Lease lease) {
    Rule rule{kWhatever, "host", lease.host.str()};
    return write(std::move(lease), true, std::move(rule));
}

rt::Task<void> Leases::drop(Lease lease) {
    if (shared_ == nullptr || !shared_->usable()) {
        co_return;
    }
    redis::Words words = {key_of(*shared_, lease.stream), lease.session.str(),
                          lease.host.str(), std::to_string(lease.term)};
    auto work = shared_->run(drop_script(), 1, std::move(words));
    auto dropped = co_await std::move(work);
    (void)dropped;
}

} // namespace ks::store
