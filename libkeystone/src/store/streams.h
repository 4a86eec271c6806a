// Streams.  get() and facts() are read-through (zone, then the database) and
// start a database read only when nothing usable is cached; every change is
// written first and taken out of the cache then.
#pragma once

#include "base/secret.h"
#include "model/stream.h"
#include "rt/flight.h"
#include "sql/database.h"
#include "store/page.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::store {

class Cache;

struct CreatedStream {
    model::Stream stream;
    Secret key; // shown to its owner once
};

struct StreamPatch { // what is not set stays
    std::optional<std::string> title;
    std::optional<std::string> description;
    std::optional<model::Visibility> visibility;
    std::optional<bool> enabled;
    std::optional<int> max_viewers;
    std::optional<int> reconnect_window_seconds;
    std::optional<model::Takeover> takeover;
    std::optional<std::vector<std::string>> allowed_origins;
    std::optional<std::string> metadata;
};

struct StreamFilter {
    Id owner; // empty: of everybody
    std::optional<model::Visibility> visibility;
    std::optional<bool> enabled;
    std::string q; // part of the title, any (ASCII) case; empty: all
};

class Streams {
  public:
    Streams(sql::Database &db, Cache &cache) : db_(db), cache_(cache) {}

    // Takes everything the owner can say from `wanted` (its title, visibility
    // and so on, owner_id); id, times, version and key are made here.
    // not_found when the owner does not exist.
    rt::Task<Result<CreatedStream>> create(model::Stream wanted);

    // True: `out` is as fresh as it has to be, and nothing waited.
    bool cached(const Id &id, model::Stream &out);
    rt::Task<Result<model::Stream>> get(Id id);

    // A stream that does not exist is a fact, too (exists == false).  With the
    // store down, what was known up to kStaleFor ago is given (never after a
    // change that this host knows of).
    bool facts_cached(const Id &id, model::StreamFacts &out);
    rt::Task<Result<model::StreamFacts>> facts(Id id);

    rt::Task<Result<Page<model::Stream>>> list(StreamFilter filter,
                                               PageAsk page);

    // if_version: the version that If-Match named; precondition_failed when it
    // is another one now.
    rt::Task<Result<model::Stream>>
    patch(Id id, StreamPatch patch,
          std::optional<int64_t> if_version = std::nullopt);
    rt::Task<Result<model::Stream>> set_enabled(Id id, bool enabled);
    // With all its tokens.
    rt::Task<Result<void>>
    remove(Id id, std::optional<int64_t> if_version = std::nullopt);
    // The old key is revoked before this returns.
    rt::Task<Result<CreatedStream>> reset_key(Id id);
    // Not a change: version and updated_at stay.
    rt::Task<Result<void>> touch(Id id, WallMs last_active_at);

  private:
    rt::Task<Result<model::Stream>> fetch(Id id);
    rt::Task<Result<model::Stream>> load(Id id);
    rt::Task<Result<model::StreamFacts>> load_facts(Id id);
    rt::Task<Result<sql::Outcome>> remove_rows(Id id, int64_t version);

    sql::Database &db_;
    Cache &cache_;
    rt::Flights<std::string, model::Stream> flights_;
};

} // namespace ks::store
