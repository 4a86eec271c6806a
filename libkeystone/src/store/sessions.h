// The history of sessions.  Live ones are in shared memory; here they are
// written behind, whole rows in batches.
#pragma once

#include "model/session.h"
#include "sql/database.h"
#include "store/page.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::store {

struct SessionFilter {
    Id owner;     // of the stream; empty: of everybody
    Id stream_id; // empty: any
    std::optional<model::Action> action;
    std::optional<model::Protocol> protocol;
    std::optional<model::SessionState> state;
};

class Sessions {
  public:
    static constexpr size_t kMaxBatch = 250;
    static constexpr size_t kMaxIds = 16;

    explicit Sessions(sql::Database &db) : db_(db) {}

    // Atomic; an older picture of a session never overwrites a newer one, and
    // nothing opens a closed one again.  At most kMaxBatch.
    rt::Task<Result<void>> write(std::vector<model::Session> rows);
    rt::Task<Result<model::Session>> by_id(Id id);
    rt::Task<Result<Page<model::Session>>> list(SessionFilter filter,
                                                PageAsk page);
    // What lives on media servers as far as history knows: for an nginx that
    // starts with an empty memory.  Seen after `since`; oldest first.
    rt::Task<Result<std::vector<model::Session>>> on_nodes(WallMs since,
                                                           int64_t limit);
    // Several hosts.  Live ones that a media server calls so, and all that it
    // has from us.
    rt::Task<Result<std::vector<model::Session>>>
    by_client(std::string node, std::string service, std::string client);
    rt::Task<Result<std::vector<model::Session>>> clients(std::string node,
                                                          std::string service);
    // At most kMaxIds; those that there are, in no order.
    rt::Task<Result<std::vector<model::Session>>> by_ids(std::vector<Id> ids);
    // What a media server calls another host's session: true for one client
    // only, but for a session that a worker holds (a relay comes again).
    rt::Task<Result<bool>> link(Id id, std::string service, std::string client,
                                std::string stream);
    // For the host that has it to end it, or its heir: the row has the reason
    // from then on.
    rt::Task<Result<void>> tell_end(Id id, model::EndReason reason);
    // After a crash of the machine: sessions open in history that nobody has
    // seen since `before`; how many.
    rt::Task<Result<int64_t>> close_lost(WallMs before);
    rt::Task<Result<int64_t>> purge(WallMs ended_before);

  private:
    sql::Database &db_;
};

} // namespace ks::store
