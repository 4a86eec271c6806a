// What the administrator said of the media servers: which of them drain.
#pragma once

#include "base/time.h"
#include "sql/database.h"

#include <string>
#include <vector>

namespace ks::store {

struct NodeWish {
    std::string name;
    WallMs drained_at = 0; // 0: it takes streams
};

class Nodes {
  public:
    explicit Nodes(sql::Database &db) : db_(db) {}

    rt::Task<Result<std::vector<NodeWish>>> list();
    rt::Task<Result<void>> drain(std::string name, bool drained);

  private:
    sql::Database &db_;
};

} // namespace ks::store
