// The live map that hosts share: who publishes which stream, and how many watch
// it where.  The truth about now is in each host's zone; here stands what the
// others have to know of it, and here it is decided between them.
//
// A claim takes a stream for a session.  It says on which term it decided, and
// is won only if no other claim came since; so of many who claim at once, one
// wins, and the rest learn who.  It may still come to nothing: nobody ends the
// publisher before it for one whose session is not open.  Within a term the
// publisher can only go.
#pragma once

#include "model/live.h"
#include "model/session.h"
#include "sql/database.h"
#include "zone/records.h"

#include <vector>

namespace ks::store {

// Remote::publisher has of the session what the others need: id, stream, token,
// user, protocol, node, address, owner_pid (not 0: a worker holds it).
// live.seen_at is when it was written, by the clock of who wrote it;
// live.started_at is 0 for a claim whose session is not open.
using LiveRow = zone::Remote;

struct Claimed {
    bool won = false;
    LiveRow row; // as it is now; lost: one() tells whose it is
};

struct Audience {
    Id stream;
    Id host;
    int32_t viewers = 0;
    WallMs at = 0; // when that was written
};

// Where a reader of many rows is: behind the row that this names.
struct LivePlace {
    WallMs at = 0;
    Id stream;
    Id host;
};

class LiveMap {
  public:
    static constexpr size_t kMaxBatch = 200;
    // An answer of so many has more behind its last row.
    static constexpr size_t kPage = 1000;

    explicit LiveMap(sql::Database &db) : db_(db) {}

    // wanted.term is the least that the new term may be.  `session` is written
    // to the history with it: whoever hears of the claim finds it.
    rt::Task<Result<Claimed>> claim(LiveRow wanted, int64_t seen,
                                    model::Session session);
    // The session of a claim is open.
    rt::Task<Result<void>> open(Id stream, Id session, WallMs started_at);
    // How far it came in the term that it has: media, its end, the window.
    // One flag for each: false where another claim came since.
    rt::Task<Result<std::vector<bool>>> tell(std::vector<LiveRow> rows);
    // The session is over.
    rt::Task<Result<void>> unclaim(Id stream, Id session);
    // The same, and it never was one: history knows nothing of it any more, and
    // for three seconds the stream waits for who was there before.
    rt::Task<Result<void>> withdraw(Id stream, Id session, Id host);
    // By when they were changed.
    rt::Task<Result<std::vector<LiveRow>>> changed(LivePlace after);
    // Without those that wait for nobody any more.
    rt::Task<Result<std::vector<LiveRow>>> all(LivePlace after);
    rt::Task<Result<std::vector<LiveRow>>> one(Id stream);

    rt::Task<Result<void>> count(std::vector<Audience> rows);
    rt::Task<Result<std::vector<Audience>>> counted(LivePlace after);
    // Without those of nobody.
    rt::Task<Result<std::vector<Audience>>> all_counted(LivePlace after);

    // Rows that tell nothing any more.
    rt::Task<Result<int64_t>> purge(WallMs before);

  private:
    rt::Task<Result<std::vector<LiveRow>>> rows(const sql::Statement &statement,
                                                sql::Params params);
    rt::Task<Result<std::vector<Audience>>>
    audience(const sql::Statement &statement, LivePlace after);

    sql::Database &db_;
};

} // namespace ks::store
