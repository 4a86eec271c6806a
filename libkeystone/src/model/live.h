// What is live on a stream right now: the part of a stream that changes by
// itself.  Lies in shared memory (and, across hosts, in Redis).
#pragma once

#include "model/session.h"
#include "model/stream.h"

namespace ks::model {

// Trivially copyable.
struct Live {
    Id stream_id;
    Id publisher;       // session id; empty: no publisher now
    Id publisher_token; // the credential it came with; kept in the window
    Protocol protocol = Protocol::rtmp;
    Fixed<31> node;          // SRS node that has the media; empty: this nginx
    WallMs started_at = 0;   // publisher accepted
    WallMs media_at = 0;     // first media; 0: none yet
    WallMs seen_at = 0;      // last sign of life of the publisher
    WallMs window_until = 0; // reconnecting until then; 0: no window
    int32_t viewers = 0;
    int32_t peak_viewers = 0;
};

// enabled is the stream's; `live` may be null: nothing known, so idle.
Status status_of(bool enabled, const Live *live, WallMs now);

// Someone can watch: active, or reconnecting within the window.
bool is_playable(Status s);

} // namespace ks::model
