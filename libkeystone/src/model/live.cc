#include "model/live.h"

namespace ks::model {

Status status_of(bool enabled, const Live *live, WallMs now) {
    if (!enabled) {
        return Status::disabled;
    }
    if (live == nullptr) {
        return Status::idle;
    }
    if (!live->publisher.empty()) {
        return live->media_at != 0 ? Status::active : Status::connecting;
    }
    return live->window_until > now ? Status::reconnecting : Status::idle;
}

bool is_playable(Status s) {
    return s == Status::active || s == Status::reconnecting;
}

} // namespace ks::model
