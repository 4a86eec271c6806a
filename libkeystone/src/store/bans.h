// Who is kept out, as all hosts have to know it; each has it in its zone, where
// it is asked for.
#pragma once

#include "sql/database.h"

#include <string>
#include <vector>

namespace ks::store {

struct Ban {
    std::string place; // of a stream, see gate/bans.h
    std::string who;   // a token's id or an address
    WallMs ends_at = 0;
};

class Bans {
  public:
    explicit Bans(sql::Database &db) : db_(db) {}

    // Every host hears of it within a second.
    rt::Task<Result<void>> add(std::vector<Ban> bans);
    rt::Task<Result<std::vector<Ban>>> all();
    rt::Task<Result<void>> purge();

  private:
    sql::Database &db_;
};

} // namespace ks::store
