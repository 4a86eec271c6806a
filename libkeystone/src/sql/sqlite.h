// SQLite behind Database: statements run on the host's store threads, one at a
// time on the one connection that writes, kReaders at a time on those that
// read.  What waits for its turn waits on the loop, so that threads never wait
// for each other.
#pragma once

#include "sql/database.h"

#include <memory>
#include <string>

namespace ks::sql {

class Sqlite : public Database {
  public:
    static constexpr size_t kReaders = 2;
    static constexpr size_t kMaxWaiting = 1000;

    // Opened by the first statement.  A missing file is made then, but not
    // again later: an empty database would be open to its first visitor.
    explicit Sqlite(std::string path);
    // What runs on a thread then goes on, and closes its connection after.
    ~Sqlite() override;

    rt::Task<Result<Outcome>> batch(Batch batch) override;
    const Health &health() const override;
    const Engine &engine() const override;

  private:
    struct State;
    class Work;
    class Call;

    rt::Task<Result<Outcome>> run(Batch batch, Access access);

    std::shared_ptr<State> state_;
};

} // namespace ks::sql
