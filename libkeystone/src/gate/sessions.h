// Live sessions as this worker sees them: ending them wherever in this nginx
// they are held, keeping those it holds itself, and the work that repeats:
// kicks from other workers, time limits, dead workers, write-behind.
#pragma once

#include "base/id.h"
#include "model/session.h"
#include "rt/task.h"
#include "zone/sessions.h"

#include <memory>
#include <vector>

namespace ks::store {
class Store;
}

namespace ks::gate {

// A session that this worker holds itself (an RTMP connection).
class Holder {
  public:
    virtual ~Holder() = default;
    // Called from the loop, once, not from inside a call of the holder's.
    virtual void kick(model::EndReason reason) = 0;
};

class Hosts;
class Upstream;

class Sessions {
  public:
    // `store` may be null: no history is written then.
    Sessions(zone::Zone &zone, store::Store *store, rt::Loop &loop);
    ~Sessions();

    // What a media server holds is ended there by it; before start().
    void use(Upstream &upstream);
    // Other hosts are there; before start().  Null: there are none.
    void use(Hosts &hosts);
    Hosts *hosts();

    // Marks them in shared memory and tells every worker; the holder ends the
    // connection within a tick (250 ms; at once when it is this worker's).  What
    // a media server holds is closed here and ended there.  Returns how many.
    size_t end_stream(const Id &stream, model::EndReason reason);
    size_t end_token(const Id &stream, const Id &token,
                     model::EndReason reason);
    bool end_session(const Id &session, model::EndReason reason);

    // This worker's own.  release() also ends the session if it still lives,
    // and the client that it is at a media server.
    void hold(const Id &session, Holder &holder);
    void release(const Id &session, model::EndReason reason);

    // True when the connection of a session that was replaced is gone, in
    // whichever worker; false when it will not go (2 s).
    rt::Task<bool> gone(Id session);

    zone::Sessions &table();
    zone::Zone &zone();
    int32_t pid() const;
    // This worker does what one does for all; may change at any tick.
    bool leads() const;
    // Connections of sessions in this worker.
    size_t holds() const;
    // It ends soon; true for the last of all.
    bool retire();
    // Still the last: nobody came since.
    bool is_last();
    // Writes behind what there is, once.
    rt::Task<void> write();

    // Starts the ticker.
    void start();

  private:
    struct State;
    template <class Match> std::vector<Id> ids_where(Match match);

    std::unique_ptr<State> state_;
};

} // namespace ks::gate
