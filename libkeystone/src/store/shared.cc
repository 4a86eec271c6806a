#include "store/shared.h"

#include "rt/loop.h"

namespace ks::store {

redis::Options redis_options(const conf::Redis &redis,
                             std::string_view suffix) {
    redis::Options o;
    o.path = redis.path;
    o.host = redis.host;
    o.port = redis.port;
    o.user = redis.user;
    o.password = redis.password.copy();
    o.db = redis.db;
    o.tls = redis.tls;
    o.ca = redis.ca;
    o.name = redis.name + std::string(suffix);
    o.timeout = redis.timeout;
    return o;
}

namespace {

// Not the secret itself: what signs tokens signs nothing else.
std::string seal_key(std::string_view secret) {
    Sha256 key = hmac_sha256(secret, "keystone redis 1");
    return std::string(as_text(key));
}

} // namespace

Shared::Shared(const conf::Redis &redis, std::string_view secret, Bus &bus)
    : prefix_(redis.prefix), seal_(seal_key(secret)), bus_(bus),
      client_(redis_options(redis, "")),
      subscriber_(redis_options(redis, "-bus"), redis.prefix + "bus") {
    Id self = make_id("wrk_", rt::Loop::current().entropy());
    bus_.use(self, [this](std::string message) {
        client_.tell({"PUBLISH", key("bus"), std::move(message)});
    });
    subscriber_.heard = [this](std::string_view text) { bus_.heard(text); };
    subscriber_.changed = [this](bool up) { bus_.set_up(up); };
}

void Shared::start() {
    client_.start();
    subscriber_.start();
}

SharedState Shared::state() const {
    redis::Health health = client_.health();
    const redis::Health &bus = subscriber_.health();
    SharedState state;
    state.configured = true;
    state.usable = health.usable && subscriber_.up();
    state.trouble = health.trouble.empty() ? bus.trouble : health.trouble;
    state.since = std::max(health.since, bus.since);
    return state;
}

std::string Shared::key(std::string_view name) const {
    return prefix_ + std::string(name);
}

std::string Shared::seal(std::string_view what) const {
    Sha256 whole = seal_.sign(what);
    return std::string(as_text(whole).substr(0, 16));
}

} // namespace ks::store
