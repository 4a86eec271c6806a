#include "store/store.h"

#include "rt/wait.h"
#include "store/guard.h"

#include <algorithm>

namespace ks::store {

namespace {

constexpr Millis kRetryMin = 250;
constexpr Millis kRetryMax = kSecond;

constexpr Millis kGather = 50;
constexpr std::string_view kChanged = "changed"; // on the bus

// Of a worker; each at its own time, so that they do not all tidy at once.
constexpr Millis kHouseEvery = 10 * kMinute;
constexpr Millis kHouseFirst = kMinute;  // at the earliest
constexpr Millis kKeepLogins = 7 * kDay; // after they ended
constexpr Millis kKeepTokens = 30 * kDay;
// A live one is written every few seconds.  Longer than a database is away.
constexpr Millis kLostAfter = kHour;
constexpr Millis kSoundFor = kMinute;
constexpr Millis kKeepSessions = 90 * kDay;

Millis up_to(Millis most, Entropy &entropy) {
    uint8_t bytes[4];
    entropy.fill(bytes);
    uint32_t number = 0;
    for (uint8_t byte : bytes) {
        number = number << 8 | byte;
    }
    return static_cast<Millis>(number) * most >> 32;
}

} // namespace

Result<std::unique_ptr<Store>> Store::make(std::string_view url,
                                           zone::Zone &zone,
                                           const sql::Options &options) {
    auto db = sql::open(url, options);
    if (!db) {
        return std::move(db.error());
    }
    return std::unique_ptr<Store>(new Store(std::move(*db), zone));
}

Store::Store(std::unique_ptr<sql::Database> db, zone::Zone &zone)
    : db_(std::move(db)), cache_(zone),
      guard_(std::make_unique<Guard>(*db_, zone.counters())), users_(*guard_),
      logins_(*guard_), streams_(*guard_, cache_), tokens_(*guard_, cache_),
      sessions_(*guard_), idempotency_(*guard_), nodes_(*guard_),
      hosts_(*guard_), live_(*guard_), bans_(*guard_), feeds_(*guard_),
      changes_(*guard_, cache_), zone_(zone) {}

Store::~Store() = default;

void Store::on_change(std::function<void(const Change &)> told) {
    changes_.told = std::move(told);
}

StoreState Store::state() const {
    const sql::Health &health = guard_->health();
    StoreState state;
    state.ready = guard_->opened() && health.usable;
    state.trouble = health.trouble;
    state.since = health.since;
    if (!guard_->opened() && state.trouble.empty()) {
        state.trouble = "not open yet";
    }
    return state;
}

void Store::share(const conf::Redis &redis, std::string_view secret) {
    shared_ = std::make_unique<Shared>(redis, secret, bus_);
    second_ = std::make_unique<Second>(*shared_, zone_);
    rates_ = std::make_unique<Rates>(*shared_, zone_);
    cache_.use(*second_);
    guard_->announced = [this] { bus_.publish(kChanged, ""); };
    bus_.on(kChanged, [this](std::string_view) { changed_.ring(); });
}

SharedState Store::shared_state() const {
    return shared_ != nullptr ? shared_->state() : SharedState();
}

rt::Task<Result<void>> Store::open() {
    auto opened = co_await guard_->open();
    if (!opened) {
        co_return Error(opened.error().code, guard_->health().trouble);
    }
    co_return Result<void>();
}

void Store::start() {
    if (shared_ != nullptr) {
        shared_->start();
    }
    work_ = keep_open();
    work_.start();
    house_ = keep_house();
    house_.start();
}

// Opens until it is open, then looks for changes; when that fails the file may
// be another one now, and is opened anew.
rt::Task<void> Store::keep_open() {
    rt::Loop &loop = rt::Loop::current();
    Millis retry = kRetryMin;
    bool sound = false;
    while (!loop.draining()) {
        if (!sound) {
            auto opened = co_await guard_->open();
            sound = opened.ok();
        }
        if (sound) {
            auto looked = co_await changes_.poll();
            sound = looked.ok();
        }
        if (!sound) {
            co_await rt::sleep_for(retry, rt::Hold::none);
            retry = std::min(retry * 2, kRetryMax);
            continue;
        }
        retry = kRetryMin;
        bool called = co_await changed_.wait(Changes::kEvery, rt::Hold::none);
        if (called) {
            // However many there are, the database is not asked for each.
            co_await rt::sleep_for(kGather, rt::Hold::none);
        }
    }
}

// Beside keep_open(): however much there is to forget, changes are heard of.
rt::Task<void> Store::keep_house() {
    rt::Loop &loop = rt::Loop::current();
    Millis wait = kHouseFirst + up_to(kHouseEvery, loop.entropy());
    while (!loop.draining()) {
        co_await rt::sleep_for(wait, rt::Hold::none);
        wait = kHouseEvery / 2 + up_to(kHouseEvery, loop.entropy());
        if (guard_->opened()) {
            co_await tidy();
        }
    }
}

// Any worker may do it, and all do: what is gone is gone.  Failures are told
// by the guard and tried again the next time.
rt::Task<void> Store::tidy() {
    WallMs now = rt::Loop::current().wall();
    auto answers = co_await idempotency_.purge();
    auto changes = co_await changes_.purge();
    auto logins = co_await logins_.purge(now - kKeepLogins);
    auto tokens = co_await tokens_.purge(now - kKeepTokens);
    // While the database was away nobody was seen: first let them be written.
    const sql::Health &health = guard_->health();
    if (health.usable && now - health.since >= kSoundFor) {
        auto lost = co_await sessions_.close_lost(now - kLostAfter);
        (void)lost;
    }
    auto sessions = co_await sessions_.purge(now - kKeepSessions);
    auto live = co_await live_.purge(now - kHour);
    auto bans = co_await bans_.purge();
    auto feeds = co_await feeds_.purge(now - kDay);
    (void)answers;
    (void)changes;
    (void)logins;
    (void)tokens;
    (void)sessions;
    (void)live;
    (void)bans;
    (void)feeds;
}

} // namespace ks::store
