// The connections of a worker to one PostgreSQL, and who waits for one.
//
// Opened one after the other when somebody waits, closed when they were idle
// for long, or the worker drains.  When none can be opened and none is left the
// pool is down: who asks is refused at once, while it tries again and again.
#pragma once

#include "sql/postgres_connection.h"
#include "sql/postgres_opener.h"

#include <deque>
#include <list>
#include <memory>

namespace ks::sql {

class PostgresPool : private PostgresConnection::Owner {
  public:
    class Call;

    PostgresPool(PostgresUrl url, const Options &options);
    ~PostgresPool() override;

    const Health &health() const { return health_; }
    const Options &options() const { return options_; }

  private:
    struct Slot {
        std::unique_ptr<PostgresConnection> connection;
        Call *call = nullptr; // null: idle, or nobody waits any more
        bool last = false;    // to be closed after this run
    };
    using Slots = std::list<Slot>;
    class Sweep : public rt::Timer {
      public:
        explicit Sweep(PostgresPool &pool)
            : Timer(rt::Hold::none), pool_(pool) {}

      private:
        void expired() override { pool_.sweep(); }
        PostgresPool &pool_;
    };

    // True: it is over already.
    bool enter(Call &call);
    void leave(Call &call);
    void give_up(Call &call);
    void give_up(Slot &slot);
    bool too_late(Call &call);
    void start(Slot &slot);
    void serve();
    void on_connection(PostgresConnection &connection) override;
    void finish(Slot &slot, bool gone);
    void leave_host();
    void sweep();

    bool wanted() const;
    void want_more();
    rt::Task<void> open_more();
    Result<void> adopt(Result<PostgresOpened> opened);
    void not_opened(const Error &error);
    void note(const std::string &trouble, bool away = false);

    static constexpr Millis kIdleFor = kMinute;
    static constexpr Millis kSweepEvery = kSecond;

    const Options options_;
    PostgresOpener opener_;
    Slots slots_;
    std::deque<Call *> waiting_;
    Health health_;
    bool away_ = false; // health_'s trouble is that there is no connection
    bool down_ = false; // the last attempt to open one failed, and none is left
    int failures_ = 0;  // to open, one after the other
    Millis pause_until_ = 0; // what was lost may still end in the server
    Sweep sweep_{*this};
    bool opening_ = false;
    rt::Task<void> opening_task_; // open_more()
};

// Who waits: for a connection, then for the answer.
class PostgresPool::Call : public rt::Op, private rt::Timer {
  public:
    Call(std::shared_ptr<PostgresPool> pool, Batch batch)
        : pool_(std::move(pool)), batch_(std::move(batch)),
          deadline_(rt::Loop::current().now() + pool_->options().timeout) {}
    ~Call() override {
        if (waits_) {
            pool_->leave(*this);
        }
    }

    bool await_ready() { return pool_->enter(*this); }
    Result<Outcome> await_resume() { return std::move(*result_); }

  private:
    friend class PostgresPool;
    void expired() override { pool_->give_up(*this); }
    void answer(Result<Outcome> result);

    std::shared_ptr<PostgresPool> pool_;
    Batch batch_;
    Millis deadline_; // of its own; what runs has the connection's
    bool waits_ = false;
    bool again_ = false; // it was lost with a connection once
    std::optional<Result<Outcome>> result_;
};

} // namespace ks::sql
