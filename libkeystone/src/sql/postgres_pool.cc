#include "sql/postgres_pool.h"

#include "base/counted.h"
#include "rt/wait.h"
#include "sql/words.h"

#include <algorithm>

namespace ks::sql {

namespace {

constexpr Millis kBackoffMin = 100;
constexpr Millis kBackoffMax = kSecond;

// Each worker of each host at its own time.
Millis backoff(int failures) {
    Millis most = std::min(kBackoffMin << std::min(failures, 5), kBackoffMax);
    uint8_t random = 0;
    rt::Loop::current().entropy().fill({&random, 1});
    return most / 2 + most * random / 512;
}

} // namespace

PostgresPool::PostgresPool(PostgresUrl url, const Options &options)
    : options_(options), opener_(std::move(url), options) {}

PostgresPool::~PostgresPool() = default;

bool PostgresPool::enter(Call &call) {
    if (down_ && opening_) {
        call.result_.emplace(Error(Code::store_unavailable, kUnavailable, 1));
        return true;
    }
    if (waiting_.size() >= static_cast<size_t>(options_.queue)) {
        call.result_.emplace(Error(Code::overloaded, kOverloaded, 1));
        return true;
    }
    waiting_.push_back(&call);
    call.waits_ = true;
    call.arm_at(call.deadline_);
    serve();
    return false;
}

// Whether it waits for a connection or for its answer.
void PostgresPool::leave(Call &call) {
    std::erase(waiting_, &call);
    for (Slot &slot : slots_) {
        if (slot.call == &call) {
            slot.call = nullptr; // what runs goes on to its end
        }
    }
}

void PostgresPool::Call::answer(Result<Outcome> result) {
    disarm();
    waits_ = false;
    result_.emplace(std::move(result));
    complete();
}

// Its time is over.
void PostgresPool::give_up(Call &call) {
    for (Slot &slot : slots_) {
        if (slot.call == &call) {
            give_up(slot);
            return;
        }
    }
    std::erase(waiting_, &call);
    bool connected = !slots_.empty();
    if (!connected) {
        note("no connection to " + opener_.url().shown() + " within " +
                 std::to_string(options_.timeout) + " ms",
             true);
    }
    call.answer(Error(connected ? Code::overloaded : Code::store_unavailable,
                      connected ? kOverloaded : kUnavailable, 1));
}

// The connection is not: who waited before it began has less time than the
// server gives a statement, and a connection that is dropped before that ends
// leaves a backend behind, which is one more than `pool`.
void PostgresPool::give_up(Slot &slot) {
    PostgresConnection &connection = *slot.connection;
    // A process that was stopped for a while may have its answer already.
    if (connection.look()) {
        return;
    }
    bool uncertain = connection.run()->call_off();
    PostgresFailure late = lost("no answer in time", connection.host());
    note(late.error.detail);
    Call *call = std::exchange(slot.call, nullptr);
    call->answer(fit_for_strangers(std::move(late.error), uncertain));
}

void PostgresPool::serve() {
    for (Slot &slot : slots_) {
        if (waiting_.empty()) {
            return;
        }
        while (!waiting_.empty() && !slot.connection->busy() &&
               !slot.connection->is_lost()) {
            start(slot);
        }
    }
    want_more();
}

// One with hardly any time left would run for nobody, and a write be answered
// with "not known", while as yet it is known that it was not done.
bool PostgresPool::too_late(Call &call) {
    Millis least = options_.timeout / 10;
    if (call.deadline_ - rt::Loop::current().now() >= least) {
        return false;
    }
    call.answer(Error(Code::overloaded, kOverloaded, 1));
    return true;
}

void PostgresPool::start(Slot &slot) {
    Call *call = waiting_.front();
    waiting_.pop_front();
    if (too_late(*call)) {
        return;
    }
    slot.call = call;
    Millis local = options_.pooler ? statement_limit(options_) : 0;
    slot.connection->start(
        std::make_unique<PostgresRun>(std::move(call->batch_),
                                      slot.connection->host(), local),
        rt::Loop::current().now() + options_.timeout);
}

void PostgresPool::on_connection(PostgresConnection &connection) {
    auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot &s) {
        return s.connection.get() == &connection;
    });
    bool gone = connection.is_lost();
    if (connection.is_overdue()) {
        pause_until_ = rt::Loop::current().now() + backoff(failures_);
    }
    if (connection.busy()) {
        finish(*slot, gone);
    }
    if (gone || slot->last ||
        (rt::Loop::current().draining() && waiting_.empty())) {
        slots_.erase(slot);
    } else {
        slots_.splice(slots_.begin(), slots_, slot); // the warm one is next
    }
    serve();
}

void PostgresPool::finish(Slot &slot, bool gone) {
    std::unique_ptr<PostgresRun> run = slot.connection->take_run();
    Call *call = std::exchange(slot.call, nullptr);
    if (run->standby()) {
        leave_host();
    }
    if (gone && call != nullptr && run->failed() && run->reads_only() &&
        !call->again_ && rt::Loop::current().now() < call->deadline_) {
        call->again_ = true;
        call->batch_ = run->take_batch();
        waiting_.push_front(call);
        return;
    }
    auto result = run->result();
    bool failed = !result && result.error().code == Code::store_unavailable;
    note(failed ? result.error().detail : "", failed && gone);
    if (!result && result.error().code == Code::internal) {
        health_.refused = result.error().detail;
    }
    if (call != nullptr) {
        call->answer(fit_for_strangers(std::move(result), run->uncertain()));
    }
}

// The primary is another one now: no connection to this one is of use.
void PostgresPool::leave_host() {
    opener_.skip();
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        slot->last = true;
        bool idle = slot->call == nullptr && !slot->connection->busy() &&
                    !slot->connection->is_lost();
        slot = idle ? slots_.erase(slot) : std::next(slot);
    }
}

void PostgresPool::sweep() {
    rt::Loop &loop = rt::Loop::current();
    Millis since = loop.now() - (loop.draining() ? 0 : kIdleFor);
    slots_.remove_if([&](const Slot &slot) {
        return !slot.connection->busy() &&
               slot.connection->idle_since() <= since;
    });
    if (!slots_.empty()) {
        sweep_.arm_in(kSweepEvery);
    }
}

bool PostgresPool::wanted() const {
    if (slots_.empty() && away_ && !rt::Loop::current().draining()) {
        return true; // nobody has to ask for it to be well again
    }
    return !waiting_.empty() &&
           slots_.size() < static_cast<size_t>(options_.pool);
}

void PostgresPool::want_more() {
    if (!opening_ && wanted()) {
        opening_ = true;
        opening_task_ = open_more();
        opening_task_.start();
    }
}

rt::Task<void> PostgresPool::open_more() {
    Flagged inside(opening_);
    while (wanted()) {
        Millis pause = pause_until_ - rt::Loop::current().now();
        if (pause > 0) {
            co_await rt::sleep_for(pause, rt::Hold::none);
            continue;
        }
        auto opened = co_await opener_.open();
        auto adopted = adopt(std::move(opened));
        if (adopted) {
            failures_ = 0;
            serve();
            continue;
        }
        not_opened(adopted.error());
        Millis wait = backoff(failures_++);
        co_await rt::sleep_for(wait, rt::Hold::none);
    }
}

Result<void> PostgresPool::adopt(Result<PostgresOpened> opened) {
    if (!opened) {
        return std::move(opened.error());
    }
    PostgresConnection::Owner &owner = *this;
    auto connection = std::make_unique<PostgresConnection>(
        std::move(opened->handle), opened->host, owner);
    if (!connection->watch()) {
        return no_room(opened->host);
    }
    if (down_) {
        rt::Loop::current().log(rt::LogLevel::notice,
                                "database: connected to PostgreSQL at " +
                                    opened->host + " again");
    }
    if (away_) { // it has answered
        note("");
    }
    down_ = false;
    slots_.push_front({std::move(connection), nullptr, false});
    if (!sweep_.armed()) {
        sweep_.arm_in(kSweepEvery);
    }
    return {};
}

// With others in use it only takes longer; without any nobody can be served.
void PostgresPool::not_opened(const Error &error) {
    if (!slots_.empty()) {
        if (failures_ == 0) {
            rt::Loop::current().log(rt::LogLevel::warn,
                                    "database: " + error.detail);
        }
        return;
    }
    down_ = true;
    note(error.detail, true);
    std::deque<Call *> waiting;
    waiting.swap(waiting_);
    for (Call *call : waiting) {
        call->answer(Error(Code::store_unavailable, kUnavailable, 1));
    }
}

void PostgresPool::note(const std::string &trouble, bool away) {
    away_ = away;
    opener_.doubt(away);
    bool usable = trouble.empty();
    if (usable != health_.usable || health_.since == 0) {
        health_.since = rt::Loop::current().wall();
    }
    health_.usable = usable;
    health_.trouble = trouble;
}

} // namespace ks::sql
