// All that is kept: the database, the cache over it and one facade for each
// resource.  One a worker.
//
// A database that is down never keeps a worker from starting: it is opened and
// migrated in the background, again and again (kRetryMin to kRetryMax apart).
// Calls made while the first try is under way wait for it; after a failure they
// give store_unavailable at once, until it is there.
#pragma once

#include "rt/bell.h"
#include "rt/flight.h"
#include "sql/database.h"
#include "store/bans.h"
#include "store/bus.h"
#include "store/cache.h"
#include "store/changes.h"
#include "store/feeds.h"
#include "store/hosts.h"
#include "store/idempotency.h"
#include "store/live.h"
#include "store/logins.h"
#include "store/nodes.h"
#include "store/rates.h"
#include "store/sessions.h"
#include "store/streams.h"
#include "store/tokens.h"
#include "store/users.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ks::store {

class Guard;

// For /readyz.
struct StoreState {
    bool ready = false;
    std::string trouble; // for the log and the administrator, not for strangers
    WallMs since = 0;
};

class Store {
  public:
    // Checks the URL; no I/O yet.  `zone` outlives the store.
    static Result<std::unique_ptr<Store>>
    make(std::string_view url, zone::Zone &zone,
         const sql::Options &options = {});
    ~Store();
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    // Before start(), where there is a Redis: see Shared.
    void share(const conf::Redis &redis, std::string_view secret);

    // Opens, migrates, looks for changes, forgets what is old.  Once; ends with
    // the store or when the loop drains.
    void start();
    // The same, waited for: for tools and tests, instead of start().
    rt::Task<Result<void>> open();

    // Told of every change within a second, after it was taken out of the
    // cache: also of those that keystonectl or another host made, and of this
    // worker's own.  Every worker is told; before start().
    void on_change(std::function<void(const Change &)> told);

    StoreState state() const;
    SharedState shared_state() const;

    Users &users() { return users_; }
    Logins &logins() { return logins_; }
    Streams &streams() { return streams_; }
    Tokens &tokens() { return tokens_; }
    Sessions &sessions() { return sessions_; }
    Idempotency &idempotency() { return idempotency_; }
    Nodes &nodes() { return nodes_; }
    // Never up where there is no Redis.
    Bus &bus() { return bus_; }
    // Null where there is none.
    Shared *shared() { return shared_.get(); }
    Rates *rates() { return rates_.get(); }
    Hosts &hosts() { return hosts_; }
    LiveMap &live() { return live_; }
    Bans &bans() { return bans_; }
    Feeds &feeds() { return feeds_; }
    Changes &changes() { return changes_; }

    // Without the guard: for migrations.
    sql::Database &database() { return *db_; }

  private:
    Store(std::unique_ptr<sql::Database> db, zone::Zone &zone);
    rt::Task<void> keep_open();
    rt::Task<void> keep_house();
    rt::Task<void> tidy();

    std::unique_ptr<sql::Database> db_;
    Bus bus_;
    Cache cache_;
    std::unique_ptr<Guard> guard_;
    Users users_;
    Logins logins_;
    Streams streams_;
    Tokens tokens_;
    Sessions sessions_;
    Idempotency idempotency_;
    Nodes nodes_;
    Hosts hosts_;
    LiveMap live_;
    Bans bans_;
    Feeds feeds_;
    Changes changes_;
    zone::Zone &zone_;
    rt::Bell changed_; // somebody says that there is a change
    // After bus_ and cache_, which they use or are used by.
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Second> second_;
    std::unique_ptr<Rates> rates_;
    rt::Task<void> work_;  // keep_open()
    rt::Task<void> house_; // keep_house()
};

} // namespace ks::store
