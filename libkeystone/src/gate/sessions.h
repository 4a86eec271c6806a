// Ending live sessions, wherever in this nginx they are held.  What the API
// calls after a write; what the gate calls for a takeover.
#pragma once

#include "base/id.h"
#include "model/session.h"
#include "zone/zone.h"

#include <functional>
#include <string_view>

namespace ks::rt {
class Loop;
}

namespace ks::gate {

// A session that this worker holds itself (an RTMP connection).
class Holder {
  public:
    virtual ~Holder() = default;
    // Called from the loop, not from inside a call of the holder's.
    virtual void kick(model::EndReason reason) = 0;
};

class Sessions {
  public:
    Sessions(zone::Zone &zone, rt::Loop &loop);
    ~Sessions();

    // Marks them in shared memory and tells every worker; the holder ends the
    // connection within a tick (250 ms; at once when it is this worker's).
    // Returns how many were told.
    size_t end_stream(const Id &stream, model::EndReason reason);
    size_t end_token(const Id &stream, const Id &token,
                     model::EndReason reason);
    bool end_session(const Id &session, model::EndReason reason);

    // This worker's own.
    void hold(const Id &session, Holder &holder);
    void release(const Id &session);

    // Starts the ticker: kick ring, sweeping, dead workers' sessions.
    void start();

  private:
    struct State;
    State *state_;
};

} // namespace ks::gate
