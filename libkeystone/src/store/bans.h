// Who is kept out, as all hosts have to know it; each has it in its zone, where
// it is asked for.
#pragma once

#include "sql/database.h"
#include "store/changes.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::store {

struct Ban {
    std::string place; // of a stream, see gate/bans.h
    std::string who;   // a token's id or an address
    WallMs ends_at = 0;
    WallMs made_at = 0; // known of one that is just heard of
};

class Bans {
  public:
    explicit Bans(sql::Database &db) : db_(db) {}

    // An answer of so many has more behind its last row.
    static constexpr size_t kPage = 1000;

    // Every host hears of each within a second.
    rt::Task<Result<void>> add(std::vector<Ban> bans);
    // What a change (ChangeKind::banned) tells; nothing if it tells nothing.
    static std::optional<Ban> heard(const Change &change);
    // Behind that place and name, in this order.
    rt::Task<Result<std::vector<Ban>>> all(std::string place, std::string who);
    rt::Task<Result<void>> purge();

  private:
    sql::Database &db_;
};

} // namespace ks::store
