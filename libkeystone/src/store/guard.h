// Stands between the facades and the database: waits for the first opening,
// counts, measures, and says in the log what is wrong, once a second at most.
#pragma once

#include "rt/flight.h"
#include "sql/database.h"
#include "zone/counters.h"

#include <functional>
#include <string>
#include <string_view>

namespace ks::store {

class Guard : public sql::Database {
  public:
    Guard(sql::Database &db, zone::Counters &counters)
        : db_(db), counters_(counters) {}

    // Opens, and migrates what migrates itself, else looks whether it has the
    // right schema; who asks meanwhile gets the same answer.  May be done
    // again: a file that was replaced is migrated then.
    rt::Task<Result<int>> open();
    bool opened() const { return state_ == State::open; }

    // What is wrong: with opening, or with the last statements.
    const sql::Health &health() const override;

    // A batch with news for other workers (changes.h) was written.
    std::function<void()> announced;

    rt::Task<Result<sql::Rows>> query(const sql::Statement &statement,
                                      sql::Params params) override;
    rt::Task<Result<sql::Outcome>> batch(sql::Batch batch) override;
    const sql::Engine &engine() const override { return db_.engine(); }

  private:
    // fresh -> failed -> open, fresh -> open; open stays.
    enum class State : uint8_t { fresh, failed, open };

    rt::Task<Result<int>> try_open();
    rt::Task<Result<int>> bring_up();
    rt::Task<Result<void>> admit();
    void account(const Error *error, size_t statements, int64_t began_us);
    void complain(std::string_view trouble);

    sql::Database &db_;
    zone::Counters &counters_;
    State state_ = State::fresh;
    sql::Health opening_health_;
    rt::Flights<int, int> flights_;
    Millis complained_ = -kSecond;
    std::string misfit_; // what was said of a schema that changed meanwhile
};

} // namespace ks::store
