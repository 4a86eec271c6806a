// What every worker of every host must feel within a second: a change leaves a
// row in the same batch, every worker looks for new rows twice a second.  So it
// arrives from keystonectl and other hosts, and also when the worker that made
// it was killed before it could tell the zone.
#pragma once

#include "base/hash.h"
#include "sql/database.h"

#include <functional>
#include <map>
#include <string>

namespace ks::store {

class Cache;

// Who asks for what is newer than its last look goes back by this: clocks of
// hosts differ, and a batch is committed after its row got its time.
constexpr Millis kOverlap = 15 * kSecond;
// Who is called again and again, each time there is something, does so twice a
// second only; in between by this.
constexpr Millis kShortOverlap = kSecond;

enum class ChangeKind : uint8_t {
    stream_changed,
    stream_disabled,
    stream_removed,
    token_revoked,  // a stream key that was reset, too
    session_ended,  // another host is to end it; detail: the reason
    session_linked, // detail: service, client, stream at the media server
    banned          // see Bans::heard()
};

struct Change {
    ChangeKind kind = ChangeKind::stream_changed;
    Id stream_id;
    Id token_id;            // of a token that was revoked
    std::string token_hash; // the same, hex
    Id session_id;
    std::string detail;
};

// The statement that announces it, for the batch of the change itself.
sql::Bound announce(const Change &change, WallMs now, Entropy &entropy);

// True for every statement that does.
bool is_announcement(const sql::Bound &bound);

class Changes {
  public:
    static constexpr Millis kEvery = 500;
    static constexpr Millis kKeep = kHour;

    Changes(sql::Database &db, Cache &cache) : db_(db), cache_(cache) {}

    // Looks once: takes what is new out of the cache, then tells; the first
    // time all of the last seconds.
    rt::Task<Result<void>> poll();
    // Forgets those older than kKeep; how many.
    rt::Task<Result<int64_t>> purge();

    std::function<void(const Change &)> told;

  private:
    void take(const Change &change);

    sql::Database &db_;
    Cache &cache_;
    WallMs looked_ = 0; // 0: not yet
    WallMs far_ = 0;    // when it went back by all of kOverlap
    std::map<std::string, WallMs, std::less<>> seen_; // of the last seconds
};

} // namespace ks::store
