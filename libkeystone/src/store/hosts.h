// The nginx hosts at this store, each by the heart beat it leaves here, and
// what one that is gone leaves to the others.
#pragma once

#include "model/session.h"
#include "sql/database.h"

#include <string>
#include <vector>

namespace ks::store {

struct HostRow {
    Id id;
    std::string name;
    std::string place; // its machine and processes, see gate/place.h
    int64_t beats = 0;
    WallMs started_at = 0; // by its own clock, as the next two
    WallMs seen_at = 0;
    WallMs left_at = 0; // it has ended in good order; 0: it has not
};

class Hosts {
  public:
    explicit Hosts(sql::Database &db) : db_(db) {}

    // How often it has; 1: it was not there, so it is new or was buried.
    rt::Task<Result<int64_t>> beat(HostRow host);
    rt::Task<Result<void>> leave(Id host);
    rt::Task<Result<std::vector<HostRow>>> all();

    // What a worker of the dead held has ended, its streams wait for their
    // publishers; what a media server has is the heir's, a stream with its
    // session: those sessions are returned, the rest at the next calls.
    //
    // `beats` is what its row had when it was found dead: one heir alone gets
    // the row, and none does if it has beaten since.  kNoRow: that was done, or
    // it never had one; then any number of heirs may call it.  An empty `dead`:
    // sessions from before there were several hosts.
    static constexpr int64_t kNoRow = -1;
    struct Estate {
        bool ours = false;
        std::vector<model::Session> sessions;
        bool more = false;
    };
    rt::Task<Result<Estate>> bury(Id dead, int64_t beats, Id heir);
    // Hosts that have something here and no row: ended before their first
    // beat, or half buried.
    rt::Task<Result<std::vector<Id>>> strays();

    // Node-held sessions that are `host`'s, alive as far as the store knows,
    // in the order of their ids; an answer of kPage has more behind its last.
    static constexpr size_t kPage = 1000;
    rt::Task<Result<std::vector<model::Session>>> on_nodes(Id host, Id after);

  private:
    sql::Database &db_;
};

} // namespace ks::store
