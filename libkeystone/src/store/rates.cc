#include "store/rates.h"

#include "base/bytes.h"
#include "base/counted.h"

#include <algorithm>

namespace ks::store {

namespace {

// A full bucket is no end: each host lets one in as its own cell has room for
// it, and were what comes on top not counted, so would every host, again and
// again.  The debt limits itself, as a host lets in no more until it is paid;
// so many hosts may each add one to a full bucket:
constexpr int64_t kMaxDebt = 32;

// As zone::allow(), by Redis's clock, but what was let in is counted in any
// case.
// KEYS: the cell.  ARGV: microseconds of one, and of as much as there may be.
// Microseconds until it is empty.
const redis::Script &count_script() {
    static const redis::Script script(
        "local t = redis.call('TIME') "
        "local now = t[1] * 1000000 + t[2] "
        "local empty = tonumber(redis.call('GET', KEYS[1])) or 0 "
        "local left = math.max(empty - now, 0) + ARGV[1] "
        "left = math.min(left, tonumber(ARGV[2])) "
        "redis.call('SET', KEYS[1], string.format('%.0f', now + left), 'PX', "
        "math.ceil(left / 1000)) "
        "return left");
    return script;
}

} // namespace

void Rates::count(std::string_view what, std::string_view who,
                  const zone::Rate &rate) {
    if (shared_.usable() && in_flight_ < kMaxInFlight) {
        rt::Loop::current().spawn(
            tell(std::string(what), std::string(who), rate));
    }
}

rt::Task<void> Rates::tell(std::string what, std::string who, zone::Rate rate) {
    Counted inside(in_flight_);
    int64_t most = rate.interval_us * (rate.burst + 1 + kMaxDebt);
    // Neither an address nor an account is to be read in Redis.
    std::string cell = shared_.seal("rate " + what + '\0' + who);
    redis::Words args = {shared_.key("l:" + base64url_encode(as_bytes(cell))),
                         std::to_string(rate.interval_us),
                         std::to_string(most)};
    auto work = shared_.run(count_script(), 1, std::move(args));
    auto left = co_await std::move(work);
    if (!left || left->kind != codec::Reply::Kind::number) {
        co_return;
    }
    int64_t left_us = std::clamp<int64_t>(left->number, 0, most);
    zone_.raise(what, who, rt::Loop::current().now(), left_us);
}

} // namespace ks::store
