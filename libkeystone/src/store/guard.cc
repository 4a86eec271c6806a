#include "store/guard.h"

#include "store/changes.h"
#include "store/migrate.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ks::store {

namespace {

int64_t now_us() {
    using namespace std::chrono;
    auto t = steady_clock::now().time_since_epoch();
    return duration_cast<microseconds>(t).count();
}

} // namespace

rt::Task<Result<int>> Guard::open() {
    decltype(flights_)::Load how = [this] { return try_open(); };
    auto got = co_await flights_.join(0, std::move(how));
    co_return got;
}

// How many migrations it applied.
rt::Task<Result<int>> Guard::bring_up() {
    if (!db_.engine().migrates_itself) {
        auto same = co_await check_schema(db_);
        co_return same ? Result<int>(0) : Result<int>(same.error());
    }
    auto done = co_await migrate(db_);
    if (!done) {
        co_return std::move(done.error());
    }
    for (const MigrationState &m : *done) {
        rt::Loop::current().log(rt::LogLevel::notice,
                                "database: migration " + m.name + " applied");
    }
    co_return static_cast<int>(done->size());
}

rt::Task<Result<int>> Guard::try_open() {
    auto done = co_await bring_up();
    if (done) {
        state_ = State::open;
        co_return done;
    }
    // The schema's trouble is in the error, the file's in the health.
    bool schema = done.error().code == Code::conflict;
    std::string trouble = schema ? done.error().detail : db_.health().trouble;
    if (trouble.empty()) {
        trouble = done.error().detail;
    }
    if (state_ == State::open && schema) {
        // A new release is on its way in: its schema comes before the last host
        // of this one goes, which has begun and goes on.
        if (std::exchange(misfit_, trouble) != trouble) {
            rt::Loop::current().log(rt::LogLevel::warn,
                                    "database: " + trouble +
                                        "; this nginx goes on as it is until "
                                        "it is started anew");
        }
        co_return Result<int>(0);
    }
    if (state_ != State::open) {
        state_ = State::failed;
        opening_health_.usable = false;
        opening_health_.trouble = trouble;
        if (opening_health_.since == 0) {
            opening_health_.since = rt::Loop::current().wall();
        }
    }
    complain(trouble);
    co_return std::move(done.error());
}

const sql::Health &Guard::health() const {
    return state_ == State::failed ? opening_health_ : db_.health();
}

rt::Task<Result<void>> Guard::admit() {
    if (state_ == State::open) {
        co_return Result<void>();
    }
    if (state_ == State::fresh) {
        auto opened = co_await open();
        if (opened) {
            co_return Result<void>();
        }
    }
    co_return Error(Code::store_unavailable,
                    "The database is not ready. Try again in a moment.", 2);
}

rt::Task<Result<sql::Rows>> Guard::query(const sql::Statement &statement,
                                         sql::Params params) {
    int64_t began = now_us();
    if (state_ != State::open) {
        auto admitted = co_await admit();
        if (!admitted) {
            co_return std::move(admitted.error());
        }
    }
    auto rows = co_await db_.query(statement, std::move(params));
    account(rows ? nullptr : &rows.error(), 1, began);
    co_return rows;
}

rt::Task<Result<sql::Outcome>> Guard::batch(sql::Batch batch) {
    int64_t began = now_us();
    if (state_ != State::open) {
        auto admitted = co_await admit();
        if (!admitted) {
            co_return std::move(admitted.error());
        }
    }
    size_t statements = batch.size();
    bool announces =
        announced && std::any_of(batch.begin(), batch.end(), is_announcement);
    auto outcome = co_await db_.batch(std::move(batch));
    account(outcome ? nullptr : &outcome.error(), statements, began);
    if (announces && outcome && outcome->done()) {
        announced();
    }
    co_return outcome;
}

void Guard::account(const Error *error, size_t statements, int64_t began_us) {
    counters_.add(zone::Counter::store_queries, statements);
    counters_.timer(zone::Timer::store).observe(now_us() - began_us);
    if (error == nullptr || error->code == Code::conflict) {
        return;
    }
    if (error->code == Code::overloaded) {
        counters_.add(zone::Counter::store_rejected);
        return;
    }
    counters_.add(zone::Counter::store_errors);
    if (error->code == Code::store_unavailable) {
        const std::string &trouble = db_.health().trouble;
        complain(trouble.empty() ? error->detail : trouble);
    }
}

void Guard::complain(std::string_view trouble) {
    Millis now = rt::Loop::current().now();
    if (now - complained_ >= kSecond) {
        complained_ = now;
        rt::Loop::current().log(rt::LogLevel::err,
                                "database: " + std::string(trouble));
    }
}

} // namespace ks::store
