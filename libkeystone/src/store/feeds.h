// Streams of events that players have asked for (gate/events.h), for hosts that
// did not make them.
#pragma once

#include "sql/database.h"

namespace ks::store {

struct FeedRow {
    Id id;
    Id session;
    uint8_t kinds = 0;
};

class Feeds {
  public:
    explicit Feeds(sql::Database &db) : db_(db) {}

    rt::Task<Result<void>> add(FeedRow feed);
    rt::Task<Result<FeedRow>> by_id(Id id);
    rt::Task<Result<void>> remove(Id id);
    rt::Task<Result<int64_t>> purge(WallMs made_before);

  private:
    sql::Database &db_;
};

} // namespace ks::store
