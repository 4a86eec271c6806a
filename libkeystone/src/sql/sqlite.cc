#include "sql/sqlite.h"

#include "rt/wait.h"
#include "sql/sqlite_connection.h"
#include "sql/words.h"

#include <array>
#include <deque>
#include <optional>

namespace ks::sql {

namespace {

// A connection and whether a thread has it.
struct Slot {
    std::unique_ptr<SqliteConnection> connection;
    bool busy = false;
};

} // namespace

// Shared with the jobs on threads; all but the connections belongs to the loop.
struct Sqlite::State {
    explicit State(const std::string &path) {
        writer.connection =
            std::make_unique<SqliteConnection>(path, Access::write);
        for (Slot &slot : readers) {
            slot.connection =
                std::make_unique<SqliteConnection>(path, Access::read);
        }
    }

    Slot *free_slot(Access access) {
        if (access == Access::write) {
            return writer.busy ? nullptr : &writer;
        }
        for (Slot &slot : readers) {
            if (!slot.busy) {
                return &slot;
            }
        }
        return nullptr;
    }
    std::deque<Call *> &waiting(Access access) {
        return access == Access::write ? writes : reads;
    }

    void note(Access access, const Result<Outcome> &result);

    Slot writer;
    std::array<Slot, kReaders> readers;
    std::deque<Call *> reads;
    std::deque<Call *> writes;
    bool existed = false;      // the file was there: it is not made again
    bool ok[2] = {true, true}; // by Access
    std::string trouble[2];
    Health health;
};

void Sqlite::State::note(Access access, const Result<Outcome> &result) {
    auto i = static_cast<size_t>(access);
    bool failed = !result && result.error().code == Code::store_unavailable;
    existed = existed || result.ok();
    if (!result && result.error().code == Code::internal) {
        health.refused = result.error().detail;
    }
    ok[i] = !failed;
    trouble[i] = failed ? result.error().detail : "";
    bool usable = ok[0] && ok[1];
    if (usable != health.usable || health.since == 0) {
        health.since = rt::Loop::current().wall();
    }
    health.usable = usable;
    health.trouble = trouble[1].empty() ? trouble[0] : trouble[1];
}

// On a thread: owns all it touches.  Keeps the slot until it is done, whether
// anybody still waits or not.
class Sqlite::Work : public rt::Job, private rt::Timer {
  public:
    Work(std::shared_ptr<State> state, Slot *slot, Access access, Call *call,
         Batch batch, Millis deadline)
        : Timer(rt::Hold::worker), state_(std::move(state)), slot_(slot),
          access_(access), call_(call), batch_(std::move(batch)),
          create_(!state_->existed), deadline_(deadline) {}

    bool post() {
        if (!rt::Loop::current().host().offload(rt::Pool::store, this)) {
            return false;
        }
        slot_->busy = true;
        arm_in(kHoldFor);
        return true;
    }
    void abandon() { call_ = nullptr; }

    void run() noexcept override {
        try {
            result_.emplace(slot_->connection->run(batch_, create_, deadline_));
        } catch (const std::exception &) {
            result_.reset(); // out of memory
        }
    }
    void done() noexcept override;

  private:
    static constexpr Millis kHoldFor = kMinute;
    void expired() override { arm_in(kHoldFor); }

    std::shared_ptr<State> state_;
    Slot *slot_;
    Access access_;
    Call *call_; // null: nobody waits any more
    Batch batch_;
    bool create_;
    Millis deadline_;
    std::optional<Result<Outcome>> result_;
};

// Who waits: for a connection first, then for the thread.
class Sqlite::Call : public rt::Op {
  public:
    Call(std::shared_ptr<State> state, Batch batch, Access access)
        : state_(std::move(state)), batch_(std::move(batch)), access_(access) {}
    ~Call() override {
        if (work_ != nullptr) {
            work_->abandon();
        }
        if (waits_) {
            std::erase(state_->waiting(access_), this);
        }
    }

    bool await_ready() {
        auto &waiting = state_->waiting(access_);
        Slot *slot = state_->free_slot(access_);
        if (slot != nullptr && waiting.empty()) {
            return !start(slot);
        }
        if (waiting.size() >= kMaxWaiting) {
            refuse();
            return true;
        }
        waiting.push_back(this);
        waits_ = true;
        return false;
    }
    Result<Outcome> await_resume() { return std::move(*result_); }

    // False: the host has no room for it; the result says so.
    bool start(Slot *slot) {
        auto work = std::make_unique<Work>(state_, slot, access_, this,
                                           std::move(batch_), deadline_);
        if (!work->post()) {
            refuse();
            return false;
        }
        work_ = work.release(); // deletes itself in done()
        return true;
    }
    void next(Slot *slot) {
        waits_ = false;
        if (!start(slot)) {
            complete();
        }
    }
    void finish(Result<Outcome> result) {
        work_ = nullptr;
        result_.emplace(std::move(result));
        complete();
    }

  private:
    void refuse() { result_.emplace(Error(Code::overloaded, kOverloaded, 1)); }

    std::shared_ptr<State> state_;
    Batch batch_;
    Access access_;
    Millis deadline_ = SqliteConnection::steady_ms() + kDeadline;
    bool waits_ = false; // is in the queue for a connection
    Work *work_ = nullptr;
    std::optional<Result<Outcome>> result_;
};

void Sqlite::Work::done() noexcept {
    if (!result_) {
        result_.emplace(Error(Code::store_unavailable, "out of memory", 1));
    }
    slot_->busy = false;
    state_->note(access_, *result_);
    if (call_ != nullptr) {
        call_->finish(std::move(*result_));
    }
    auto &waiting = state_->waiting(access_);
    while (!waiting.empty() && !slot_->busy) {
        Call *call = waiting.front();
        waiting.pop_front();
        call->next(slot_);
    }
    delete this;
}

Sqlite::Sqlite(std::string path) : state_(std::make_shared<State>(path)) {}

Sqlite::~Sqlite() = default;

const Health &Sqlite::health() const { return state_->health; }

const Engine &Sqlite::engine() const {
    static constexpr Engine kEngine;
    return kEngine;
}

rt::Task<Result<Outcome>> Sqlite::run(Batch batch, Access access) {
    Call call(state_, std::move(batch), access);
    auto result = co_await call;
    co_return fit_for_strangers(std::move(result));
}

rt::Task<Result<Outcome>> Sqlite::batch(Batch batch) {
    Access access = Access::read;
    for (const Bound &bound : batch) {
        if (bound.statement->access == Access::write) {
            access = Access::write;
        }
    }
    auto work = run(std::move(batch), access);
    auto result = co_await rt::within(std::move(work), kDeadline,
                                      Code::store_unavailable, kUnavailable);
    co_return result;
}

} // namespace ks::sql
