#include "store/leases.h"

namespace ks::store {

namespace {

using redis::Script;

// KEYS: the lease.  ARGV: term, host, session, milliseconds, and who keeps it: a
// claim newer than a term, if a field of it is not of a value.
const Script &take_script() {
    static const Script script(
        "local is = redis.call('HMGET', KEYS[1], 'term', ARGV[6]) "
        "if is[1] and is[2] ~= ARGV[7] and tonumber(is[1]) > tonumber(ARGV[5]) "
        "then return 0 end "
        "redis.call('HSET', KEYS[1], 'term', ARGV[1], 'host', ARGV[2], "
        "'session', ARGV[3]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[4]) "
        "return 1");
    return script;
}

const Script &drop_script() {
    static const Script script(
        "if redis.call('HGET', KEYS[1], 'session') == ARGV[1] "
        "then return redis.call('DEL', KEYS[1]) end "
        "return 0");
    return script;
}

std::string key_of(const Shared &shared, const Id &stream) {
    return shared.key("p:" + stream.str());
}

redis::Words words_of(const Shared &shared, const Lease &lease,
                      int64_t newer_than, std::string field,
                      std::string value) {
    return {key_of(shared, lease.stream),
            std::to_string(lease.term),
            lease.host.str(),
            lease.session.str(),
            std::to_string(Leases::kLasts),
            std::to_string(newer_than),
            std::move(field),
            std::move(value)};
}

bool is_number(const Result<codec::Reply> &reply) {
    return reply && reply->kind == codec::Reply::Kind::number;
}

} // namespace

rt::Task<Leases::Taken> Leases::take(Lease lease, int64_t seen) {
    if (shared_ == nullptr || !shared_->usable()) {
        co_return Taken::unknown;
    }
    redis::Words words =
        words_of(*shared_, lease, seen, "host", lease.host.str());
    auto work = shared_->run(take_script(), 1, std::move(words));
    auto taken = co_await std::move(work);
    if (!is_number(taken)) {
        co_return Taken::unknown;
    }
    co_return taken->number == 1 ? Taken::yes : Taken::no;
}

rt::Task<bool> Leases::keep(Lease lease) {
    if (shared_ == nullptr || !shared_->usable()) {
        co_return false;
    }
    redis::Words words =
        words_of(*shared_, lease, lease.term, "session", lease.session.str());
    auto work = shared_->run(take_script(), 1, std::move(words));
    auto kept = co_await std::move(work);
    // One that Redis refuses is no reason to leave the others.
    co_return is_number(kept) || (!kept && kept.error().code == Code::internal);
}

rt::Task<void> Leases::drop(Id stream, Id session) {
    if (shared_ == nullptr || !shared_->usable()) {
        co_return;
    }
    redis::Words words = {key_of(*shared_, stream), session.str()};
    auto work = shared_->run(drop_script(), 1, std::move(words));
    auto dropped = co_await std::move(work);
    (void)dropped;
}

} // namespace ks::store
