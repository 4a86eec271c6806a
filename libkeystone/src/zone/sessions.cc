#include "zone/sessions.h"

#include <algorithm>

namespace ks::zone {

using model::Action;
using model::EndReason;
using model::Live;
using model::Protocol;
using model::Session;
using model::SessionState;

namespace {

// How often a session that goes on is written to the store.
constexpr Millis kNoteEvery = 10 * kSecond;
// How long a viewer that was kicked keeps meeting that.
constexpr Millis kKickLasts = 30 * kSecond;

// It went by itself, and may come back.
bool waits_after(EndReason reason) {
    return reason == EndReason::client || reason == EndReason::upstream ||
           reason == EndReason::timeout;
}

} // namespace

void publish(LiveRecord &r, const Session &session, int32_t window_seconds,
             WallMs now) {
    Live &live = r.live;
    // After a break its viewers stay; a new broadcast counts its peak anew.
    if (live.window_until == 0) {
        live.peak_viewers = live.viewers;
    }
    live.stream_id = session.stream_id;
    live.publisher = session.id;
    live.publisher_token = session.token_id;
    live.protocol = session.protocol;
    live.node = session.node;
    live.started_at = session.started_at;
    live.media_at = 0;
    live.seen_at = now;
    live.window_until = 0;
    r.window_seconds = window_seconds;
    r.host = session.host;
    r.changes++;
}

bool is_over(const Session &s, const Sessions::Times &times, WallMs now) {
    if (s.state == SessionState::closed || !s.host.empty()) {
        return false;
    }
    if (s.state == SessionState::connecting) {
        return now - s.started_at >= times.connecting;
    }
    if (s.protocol == Protocol::hls) {
        return now - s.seen_at >= times.idle_viewer;
    }
    return times.silent != kNever && s.owner_pid == 0 &&
           now - s.seen_at >= times.silent;
}

void depart(LiveRecord &r, EndReason reason, WallMs now) {
    Live &live = r.live;
    bool waits = waits_after(reason) && r.window_seconds > 0;
    live.publisher = Id();
    live.media_at = 0;
    live.window_until = waits ? now + r.window_seconds * kSecond : 0;
    if (!waits) {
        live.publisher_token = Id();
        live.started_at = 0;
    }
    r.changes++;
}

void Sessions::mark_dirty(const Id &session) {
    uint32_t shard = zone_.sessions().shard_of(session);
    zone_.dirty_[shard].store(1, std::memory_order_release);
}

bool Sessions::insert(const SessionRecord &record, WallMs now) {
    SessionRecord fresh = record;
    fresh.changed(now);
    if (!zone_.sessions().put(fresh.session.id, fresh, now, kNever)) {
        zone_.counters().add(Counter::zone_full);
        return false;
    }
    if (fresh.replica()) {
        return true;
    }
    mark_dirty(fresh.session.id);
    zone_.counters().opened(fresh.session.protocol, fresh.session.action);
    return true;
}

// A publisher that has ended, or whose worker is dead, is not.
bool Sessions::in_the_way(const Id &publisher, WallMs now) {
    int32_t owner = 0;
    bool lives = false;
    zone_.sessions().peek(publisher, now, [&](const SessionRecord &r) {
        lives = !r.closed();
        owner = r.session.owner_pid;
    });
    return lives && (owner == 0 || !zone_.workers().is_dead(owner));
}

Sessions::Opened Sessions::open_publisher(const Session &session,
                                          const model::StreamFacts &stream,
                                          const Id &replaces, WallMs now,
                                          int64_t term) {
    Opened result;
    SessionRecord record;
    record.session = session;
    zone_.live().upsert(
        session.stream_id, now, [&](LiveRecord &r, bool created) {
            const Id before = r.live.publisher;
            bool busy = !before.empty() && in_the_way(before, now);
            if (busy && !(before == replaces)) {
                result = {Open::busy, before};
                return Fate::keep;
            }
            if (!insert(record, now)) {
                return created ? Fate::drop : Fate::keep;
            }
            if (!before.empty()) {
                end_record(before,
                           busy ? EndReason::replaced : EndReason::upstream,
                           now, nullptr, nullptr);
            }
            publish(r, session, stream.reconnect_window_seconds, now);
            r.term = std::max(r.term, term);
            result = {Open::opened, busy ? before : Id()};
            return Fate::keep;
        });
    if (result.ok() && !result.other.empty()) {
        zone_.kicks().push(result.other, EndReason::replaced);
    }
    return result;
}

Sessions::Opened Sessions::open_viewer(const Session &session,
                                       int32_t max_viewers, HashKey viewer,
                                       WallMs now) {
    Opened result;
    SessionRecord record;
    record.session = session;
    record.viewer = viewer;
    bool counted_by_touch = viewer.value != 0;
    if (counted_by_touch) {
        record.session.state = SessionState::active;
        record.session.active_at = now;
        record.session.seen_at = now;
    }
    zone_.live().upsert(
        session.stream_id, now, [&](LiveRecord &r, bool created) {
            Fate otherwise = created ? Fate::drop : Fate::keep;
            Viewer present;
            if (counted_by_touch &&
                zone_.viewers().find(viewer, now, &present)) {
                bool lives = false;
                zone_.sessions().peek(
                    present.session, now,
                    [&](const SessionRecord &s) { lives = !s.closed(); });
                if (lives) {
                    result = {Open::present, present.session};
                    return otherwise;
                }
            }
            if (max_viewers > 0 && r.live.viewers >= max_viewers) {
                result.what = Open::limit;
                return otherwise;
            }
            if (!insert(record, now)) {
                return otherwise;
            }
            if (counted_by_touch) {
                zone_.viewers().put(viewer, Viewer{session.id}, now, kNever);
            }
            r.live.stream_id = session.stream_id;
            r.live.viewers++;
            if (r.live.viewers > r.live.peak_viewers) {
                r.live.peak_viewers = r.live.viewers;
            }
            r.changes++;
            result.what = Open::opened;
            return Fate::keep;
        });
    return result;
}

Sessions::Seen Sessions::touch_viewer(HashKey viewer, int64_t bytes_out,
                                      WallMs now, Id *session) {
    Viewer known;
    if (!zone_.viewers().find(viewer, now, &known)) {
        return Seen::unknown;
    }
    Seen seen = Seen::unknown;
    bool write = false;
    bool dirty = false;
    auto look = [&](const SessionRecord &r) {
        if (!r.closed()) {
            seen = Seen::alive;
            write = bytes_out != 0 || now - r.session.seen_at >= kSecond;
        } else if ((r.session.end_reason == EndReason::kicked ||
                    r.session.end_reason == EndReason::revoked) &&
                   now - r.session.ended_at < kKickLasts) {
            seen = Seen::kicked;
        }
    };
    zone_.sessions().peek(known.session, now, look);
    if (write) {
        zone_.sessions().update(known.session, now, [&](SessionRecord &r) {
            if (r.closed()) {
                return;
            }
            r.session.seen_at = now;
            r.session.bytes_out += bytes_out;
            if (now - r.noted_at >= kNoteEvery) {
                r.version++;
                r.noted_at = now;
                dirty = true;
            }
        });
    }
    if (dirty) {
        mark_dirty(known.session);
    }
    if (session != nullptr) {
        *session = known.session;
    }
    return seen;
}

bool Sessions::media(const Id &session, int64_t bytes_in, int64_t bytes_out,
                     WallMs now) {
    bool lives = false;
    bool dirty = false;
    bool publishes = false;
    Id stream;
    zone_.sessions().update(session, now, [&](SessionRecord &r) {
        if (r.closed()) {
            return;
        }
        Session &s = r.session;
        lives = true;
        publishes = s.action == Action::publish;
        stream = s.stream_id;
        s.bytes_in = bytes_in;
        s.bytes_out = bytes_out;
        s.seen_at = now;
        dirty = s.state == SessionState::connecting ||
                now - r.noted_at >= kNoteEvery;
        if (s.state == SessionState::connecting) {
            s.state = SessionState::active;
            s.active_at = now;
        }
        if (dirty) {
            r.changed(now);
        }
    });
    if (dirty) {
        mark_dirty(session);
    }
    if (publishes) {
        zone_.live().update(stream, now, [&](LiveRecord &r) {
            if (!(r.live.publisher == session)) {
                return;
            }
            r.live.seen_at = now;
            if (r.live.media_at == 0) {
                r.live.media_at = now;
            }
        });
    }
    return lives;
}

bool Sessions::end_record(const Id &session, EndReason reason, WallMs now,
                          const Times *limits, Session *ended) {
    bool did = false;
    bool ours = true;
    Protocol protocol = Protocol::hls;
    zone_.sessions().update(session, now, [&](SessionRecord &r) {
        if (r.closed() ||
            (limits != nullptr && !is_over(r.session, *limits, now))) {
            return;
        }
        did = true;
        ours = !r.replica();
        protocol = r.session.protocol;
        r.session.state = SessionState::closed;
        r.session.end_reason = reason;
        r.session.ended_at = now;
        // Whoever holds it may have to be told: see kicks_of().
        r.kick_requested = true;
        r.kick_reason = reason;
        r.changed(now);
        if (ended != nullptr) {
            *ended = r.session;
        }
    });
    if (did && ours) {
        mark_dirty(session);
        zone_.counters().closed(protocol, reason);
    }
    return did;
}

bool Sessions::close(const Id &session, EndReason reason, WallMs now,
                     Session *ended) {
    return end(session, reason, now, nullptr, ended);
}

bool Sessions::end(const Id &session, EndReason reason, WallMs now,
                   const Times *limits, Session *ended) {
    std::optional<Session> known = find(session, now);
    if (!known || known->state == SessionState::closed) {
        return false;
    }
    bool did = false;
    bool live = zone_.live().update(known->stream_id, now, [&](LiveRecord &r) {
        did = end_record(session, reason, now, limits, ended);
        if (!did) {
            return;
        }
        if (known->action == Action::play && !known->host.empty()) {
            return; // its host counts it
        }
        if (known->action == Action::play) {
            r.live.viewers -= r.live.viewers > 0 ? 1 : 0;
            r.changes++;
        } else if (r.live.publisher == session) {
            depart(r, reason, now);
        }
    });
    if (!live) {
        did = end_record(session, reason, now, limits, ended);
    }
    return did;
}

bool Sessions::request_kick(const Id &session, EndReason reason, WallMs now) {
    bool lives = false;
    bool held = true;
    zone_.sessions().update(session, now, [&](SessionRecord &r) {
        if (r.closed()) {
            return;
        }
        lives = true;
        held = r.session.owner_pid != 0; // else there is no one to tell
        r.kick_requested = true;
        r.kick_reason = reason;
    });
    if (!lives) {
        return false;
    }
    if (!held) {
        return close(session, reason, now);
    }
    zone_.kicks().push(session, reason);
    return true;
}

int Sessions::kick_stream(const Id &stream, EndReason reason, WallMs now) {
    return kick_all([&](const Session &s) { return s.stream_id == stream; },
                    reason, now);
}

int Sessions::kick_token(const Id &token, EndReason reason, WallMs now) {
    return kick_all([&](const Session &s) { return s.token_id == token; },
                    reason, now);
}

std::vector<Kick> Sessions::kicks_of(int32_t pid, WallMs now) {
    std::vector<Kick> kicks;
    zone_.sessions().each(now, [&](const Id &id, const SessionRecord &r) {
        if (r.kick_requested && r.session.owner_pid == pid) {
            kicks.push_back(Kick{0, id, r.kick_reason});
        }
    });
    return kicks;
}

std::optional<Session> Sessions::find(const Id &session, WallMs now) {
    std::optional<Session> found;
    zone_.sessions().peek(session, now,
                          [&](const SessionRecord &r) { found = r.session; });
    return found;
}

std::optional<Live> Sessions::find_live(const Id &stream, WallMs now) {
    std::optional<Live> found;
    zone_.live().peek(stream, now,
                      [&](const LiveRecord &r) { found = r.live; });
    return found;
}

std::optional<Session> Sessions::publisher_of(const Id &stream, WallMs now) {
    std::optional<Live> live = find_live(stream, now);
    std::optional<Session> session;
    if (live && !live->publisher.empty()) {
        session = find(live->publisher, now);
    }
    if (session && session->state == SessionState::closed) {
        session.reset();
    }
    return session;
}

} // namespace ks::zone
