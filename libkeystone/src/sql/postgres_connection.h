// A connection that was made, and the batch that runs on it.  Idle it is
// watched, too, so that its end is known before anybody uses it.
#pragma once

#include "rt/loop.h"
#include "sql/postgres_connecting.h"
#include "sql/postgres_run.h"

#include <memory>
#include <string>

namespace ks::sql {

class PostgresConnection : private rt::FdSink, private rt::Timer {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;
        // The batch is done or the connection ended: take_run() and lost()
        // tell.  May destroy the connection or start the next batch.
        virtual void on_connection(PostgresConnection &connection) = 0;
    };

    PostgresConnection(PostgresHandle handle, std::string host, Owner &owner);
    ~PostgresConnection() override;

    // False: the host has no room to watch it.
    bool watch();
    // While nothing runs, for another owner.
    PostgresHandle release();
    // Answered by on_connection(), at the latest at `deadline`.
    void start(std::unique_ptr<PostgresRun> run, Millis deadline);
    // Takes what is there already.  True: that was the end, and told.
    bool look();
    bool busy() const { return run_ != nullptr; }
    PostgresRun *run() { return run_.get(); }
    std::unique_ptr<PostgresRun> take_run();
    bool is_lost() const { return lost_; }
    // Lost at its deadline: the server may not know yet that it is.
    bool is_overdue() const { return overdue_; }
    // Why it ended while nothing ran.
    const std::string &trouble() const { return trouble_; }
    const std::string &host() const { return host_; }
    Millis idle_since() const { return idle_since_; }

  private:
    void on_fd(unsigned ready) override;
    void expired() override;
    bool read();
    bool pump();
    bool finish(PostgresRun::Next next);
    void fail(std::string_view why);
    bool flush();
    void unwatch();

    PostgresHandle handle_;
    std::string host_;
    Owner &owner_;
    int fd_ = -1; // our own
    void *watch_ = nullptr;
    unsigned interest_ = rt::kRead;
    std::unique_ptr<PostgresRun> run_;
    PostgresPrepared prepared_;
    bool done_ = false; // the run is
    bool lost_ = false;
    bool overdue_ = false;
    std::string trouble_;
    Millis idle_since_ = 0;
};

} // namespace ks::sql
