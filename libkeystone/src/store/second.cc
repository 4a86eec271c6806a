#include "store/second.h"

#include "base/bytes.h"
#include "rt/wait.h"
#include "store/text.h"

#include <utility>

namespace ks::store {

namespace {

// Of the first byte of a value; another one when the form changes.
constexpr char kForm = 2;
constexpr size_t kSeal = 16;
constexpr size_t kHead = 1 + sizeof(int64_t);

// What was read before a change is of no use for so long after it.
constexpr Millis kRemember = Second::kBelieved + 10 * kSecond;
// Longer than the database takes to answer; then the stamp is gone.
constexpr Millis kFillWithin = 15 * kSecond;
// Of two clocks of a Redis that failed over.
constexpr int64_t kSkewUs = 5'000'000;

// KEYS: the entry.  ARGV: a new stamp, how long it lives.
// {value, stamp, time in microseconds}
const redis::Script &look() {
    static const redis::Script script(
        "local e = redis.call('HMGET', KEYS[1], 'v', 's') "
        "local t = redis.call('TIME') "
        "if not e[2] then "
        "redis.call('HSET', KEYS[1], 's', ARGV[1]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
        "e[2] = ARGV[1] "
        "end "
        "return {e[1], e[2], t[1] * 1000000 + t[2]}");
    return script;
}

// KEYS: the entry.  ARGV: the stamp, the value, how long it lives.
const redis::Script &fill_script() {
    static const redis::Script script(
        "if redis.call('HGET', KEYS[1], 's') ~= ARGV[1] then return 0 end "
        "redis.call('HSET', KEYS[1], 'v', ARGV[2]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[3]) "
        "return 1");
    return script;
}

std::string forgotten_key(const std::string &name) {
    return "forgotten:" + name;
}

std::string new_stamp() {
    uint8_t bytes[8];
    rt::Loop::current().entropy().fill(bytes);
    return hex_encode(bytes);
}

} // namespace

rt::Task<Second::Found> Second::find(std::string name) {
    Found found;
    if (!shared_.usable()) {
        co_return found;
    }
    Millis since_change = forgotten_for(name);
    uint64_t generation = shared_.generation();
    std::string key = shared_.key(name);
    redis::Words args = {key, new_stamp(), std::to_string(kFillWithin)};
    auto work = shared_.run(look(), 1, std::move(args));
    auto got = co_await rt::within(std::move(work), kPatience,
                                   Code::store_unavailable, "too slow");
    if (!got || got->items.size() != 3 || generation != shared_.generation()) {
        co_return found;
    }
    int64_t at = got->items[2].number;
    if (generation_ != generation) {
        generation_ = generation;
        trusted_from_ = shared_.opened_at();
    }
    if (std::exchange(distrust_, false)) {
        trusted_from_ = at;
    }
    found.stamp = got->items[1].text;
    found.as_of = at;
    int64_t from = trusted_from_;
    if (since_change >= 0) {
        from = std::max(from, at - since_change * 1000);
    }
    auto value = got->items[0].as_text();
    if (value) {
        found.value = open(key, *value, at, from, found);
    }
    co_return found;
}

// Empty when it may not be believed.
std::optional<std::string> Second::open(const std::string &key,
                                        std::string_view value, int64_t now,
                                        int64_t from, Found &found) const {
    if (value.size() < kHead + kSeal || value[0] != kForm) {
        return std::nullopt;
    }
    std::string_view sealed = value.substr(0, value.size() - kSeal);
    std::string seal = shared_.seal(key + '\0' + std::string(sealed));
    if (!equal_constant_time(seal, value.substr(sealed.size()))) {
        return std::nullopt;
    }
    int64_t as_of = 0;
    for (size_t i = 0; i < sizeof(as_of); i++) {
        as_of = as_of << 8 | static_cast<uint8_t>(sealed[1 + i]);
    }
    found.age = std::max<int64_t>(now - as_of, 0) / 1000;
    if (as_of <= from || as_of > now + kSkewUs || found.age > kBelieved) {
        return std::nullopt;
    }
    return std::string(sealed.substr(kHead));
}

std::string Second::close(const std::string &key, std::string_view value,
                          int64_t as_of) const {
    std::string text(1, kForm);
    for (int shift = 56; shift >= 0; shift -= 8) {
        text += static_cast<char>(as_of >> shift);
    }
    text += value;
    return text + shared_.seal(key + '\0' + text);
}

void Second::fill(const std::string &name, const Found &found,
                  std::string_view value, Millis keep) {
    if (found.stamp.empty() || !shared_.usable()) {
        return;
    }
    std::string key = shared_.key(name);
    rt::Loop::current().spawn(
        put(key, found.stamp, close(key, value, found.as_of), keep));
}

rt::Task<void> Second::put(std::string key, std::string stamp,
                           std::string value, Millis keep) {
    redis::Words args = {std::move(key), std::move(stamp), std::move(value),
                         std::to_string(keep)};
    auto work = shared_.run(fill_script(), 1, std::move(args));
    auto put = co_await std::move(work);
    if (put && put->number == 0) {
        zone_.counters().add(zone::Counter::stale_fills);
    }
}

// Redis may have the old value for a moment still, or be given it once more by
// who can write to it.
void Second::forget(const std::string &name) {
    Millis now = rt::Loop::current().now();
    std::string key = forgotten_key(name);
    auto ticket = zone_.blobs().ticket(key);
    zone_.blobs().put(ticket, key, std::to_string(now), now, now + kRemember);
    if (shared_.usable()) {
        rt::Loop::current().spawn(remove(shared_.key(name)));
    }
}

// Since the last change that this host knows of; -1: none.
Millis Second::forgotten_for(const std::string &name) const {
    Millis now = rt::Loop::current().now();
    std::string text;
    if (!zone_.blobs().find(forgotten_key(name), now, &text)) {
        return -1;
    }
    auto at = number(text);
    return at ? now - *at : -1;
}

// Without a connection it is lost: the next one trusts nothing from before it.
// An error says that Redis has it still.
rt::Task<void> Second::remove(std::string key) {
    redis::Words words = {"DEL", std::move(key)};
    auto work = shared_.call(std::move(words));
    auto done = co_await std::move(work);
    distrust_ = distrust_ || !done;
}

} // namespace ks::store
