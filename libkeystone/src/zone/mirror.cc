// What other hosts have, as it is known here: replicas, which this host shows
// and asks about, and which it neither counts, nor times, nor writes.
#include "zone/sessions.h"

#include <algorithm>

namespace ks::zone {

using model::Action;
using model::EndReason;
using model::Session;
using model::SessionState;

namespace {

bool waits(const Remote &remote, WallMs now) {
    return remote.live.window_until > now;
}

void await_publisher(LiveRecord &r, const Remote &remote, WallMs now) {
    r.live.publisher = Id();
    r.live.media_at = 0;
    r.live.window_until = waits(remote, now) ? remote.live.window_until : 0;
    r.live.publisher_token =
        waits(remote, now) ? remote.live.publisher_token : Id();
    r.live.started_at = waits(remote, now) ? remote.live.started_at : 0;
    r.live.node = remote.live.node;
    r.changes++;
}

} // namespace

bool Sessions::lives(const Id &session, bool *replica, WallMs now) {
    bool alive = false;
    zone_.sessions().peek(session, now, [&](const SessionRecord &r) {
        alive = !r.closed();
        *replica = r.replica();
    });
    return alive;
}

bool Sessions::ended_here(const Id &session, WallMs now) {
    bool ended = false;
    zone_.sessions().peek(session, now,
                          [&](const SessionRecord &r) { ended = r.closed(); });
    return ended;
}

// The record that a remote publisher has here, made or brought up to date.
bool Sessions::show(const Remote &remote, WallMs now) {
    bool done = zone_.sessions().update(
        remote.publisher.id, now, [&](SessionRecord &r) {
            if (r.closed()) {
                return;
            }
            r.session.host = remote.host;
            r.session.owner_pid = 0;
            r.session.node = remote.publisher.node;
            r.session.started_at = remote.publisher.started_at;
            if (remote.live.media_at != 0) {
                r.session.state = SessionState::active;
                r.session.active_at = remote.live.media_at;
            }
        });
    if (done) {
        return true;
    }
    SessionRecord fresh;
    fresh.session = remote.publisher;
    fresh.session.host = remote.host;
    fresh.session.owner_pid = 0;
    fresh.session.action = Action::publish;
    if (remote.live.media_at != 0) {
        fresh.session.state = SessionState::active;
        fresh.session.active_at = remote.live.media_at;
    }
    return insert(fresh, now);
}

Sessions::Mirrored Sessions::mirror(const Remote &remote, WallMs now) {
    Mirrored result;
    const Id &theirs = remote.publisher.id;
    bool over = !theirs.empty() && ended_here(theirs, now);
    zone_.live().upsert(
        remote.live.stream_id, now, [&](LiveRecord &r, bool created) {
            if (created && (over || theirs.empty()) && !waits(remote, now)) {
                return Fate::drop;
            }
            bool late = remote.term == r.term && remote.host == r.host &&
                        remote.live.seen_at < r.said_at;
            if (remote.term < r.term || late) {
                return Fate::keep; // older than what is known
            }
            // Its host knows of the claim that replaced it here, and that
            // nothing came of that: it goes on.
            auto known = over ? find(theirs, now) : std::nullopt;
            if (known && !known->host.empty() &&
                known->end_reason == EndReason::replaced) {
                zone_.sessions().erase(theirs);
                over = false;
            }
            bool newer = remote.term > r.term;
            r.live.stream_id = remote.live.stream_id;
            const Id before = r.live.publisher;
            bool replica = false;
            bool alive = lives(before, &replica, now);
            if (alive && remote.is_claim() && !(before == theirs)) {
                return Fate::keep; // nobody goes for that
            }
            if (alive && !replica && !(before == theirs)) {
                // One of this host publishes.  A claim that came after its own
                // ends it; where nobody else does, it was only taken for dead,
                // and goes on in a term of its own: who decided on that nobody
                // was there is late.
                r.term = remote.term;
                if (!newer || theirs.empty()) {
                    r.term++;
                    result.disputed = true;
                    return Fate::keep;
                }
                result.replaced = before;
            }
            if (alive && replica && !(before == theirs)) {
                zone_.sessions().erase(before); // it may turn out to live
            } else if (alive && !(before == theirs)) {
                end_record(before, EndReason::replaced, now, nullptr, nullptr);
            }
            r.term = remote.term;
            r.said_at = remote.live.seen_at;
            r.host = remote.host;
            r.window_seconds = remote.window_seconds;
            if (theirs.empty() || over) {
                await_publisher(r, remote, now);
                return Fate::keep;
            }
            if (!show(remote, now)) {
                return created ? Fate::drop : Fate::keep;
            }
            if (!(before == theirs)) {
                publish(r, remote.publisher, remote.window_seconds, now);
            }
            r.host = remote.host;
            r.live.node = remote.live.node;
            r.live.started_at = remote.publisher.started_at;
            r.live.media_at = remote.live.media_at;
            r.live.seen_at = now;
            return Fate::keep;
        });
    if (!result.replaced.empty()) {
        zone_.kicks().push(result.replaced, EndReason::replaced);
    }
    return result;
}

void Sessions::audience(const Id &stream, int32_t elsewhere, WallMs now) {
    zone_.live().upsert(stream, now, [&](LiveRecord &r, bool created) {
        if (created && elsewhere == 0) {
            return Fate::drop;
        }
        r.live.stream_id = stream;
        r.live.viewers += elsewhere - r.elsewhere;
        r.elsewhere = elsewhere;
        r.live.peak_viewers = std::max(r.live.peak_viewers, r.live.viewers);
        r.changes++;
        return Fate::keep;
    });
}

bool Sessions::import(const Session &session, WallMs now) {
    bool there =
        zone_.sessions().update(session.id, now, [&](SessionRecord &r) {
            if (!r.replica() || r.closed()) {
                return;
            }
            r.session = session;
            r.session.owner_pid = 0;
        });
    if (there || session.state == SessionState::closed) {
        return there;
    }
    SessionRecord fresh;
    fresh.session = session;
    fresh.session.owner_pid = 0;
    return insert(fresh, now);
}

void Sessions::give_away(const Id &session, const Id &host, WallMs now) {
    auto known = find(session, now);
    if (!known || known->state == SessionState::closed) {
        return;
    }
    zone_.live().update(known->stream_id, now, [&](LiveRecord &r) {
        bool ours = false;
        zone_.sessions().update(session, now, [&](SessionRecord &s) {
            ours = !s.replica() && !s.closed();
            s.session.host = host;
            s.session.owner_pid = 0;
            s.flushed = s.version;
        });
        if (!ours) {
            return;
        }
        if (known->action == Action::play) {
            r.live.viewers -= r.live.viewers > 0 ? 1 : 0;
            r.changes++;
        } else if (r.live.publisher == session) {
            r.host = host;
        }
    });
}

bool Sessions::adopt(const Session &session, const model::StreamFacts &stream,
                     int64_t term, WallMs now) {
    Session mine = session;
    mine.host = Id();
    mine.owner_pid = 0;
    bool changed = false;
    zone_.live().upsert(mine.stream_id, now, [&](LiveRecord &r, bool created) {
        zone_.sessions().update(mine.id, now, [&](SessionRecord &s) {
            if (!s.replica() || s.closed()) {
                return;
            }
            changed = true;
            s.session = mine;
            s.session.linked_at = mine.started_at;
            s.changed(now);
        });
        if (changed && mine.action == Action::play) {
            r.live.stream_id = mine.stream_id;
            r.live.viewers++;
            r.changes++;
        } else if (changed && r.live.publisher == mine.id) {
            r.host = Id();
            r.term = std::max(r.term, term);
        }
        return created && !changed ? Fate::drop : Fate::keep;
    });
    if (changed) {
        mark_dirty(mine.id);
        zone_.counters().opened(mine.protocol, mine.action);
        if (!mine.srs_client.empty()) {
            link(mine.id, mine.srs_service.view(), mine.srs_client.view(),
                 mine.srs_stream.view(), mine.started_at);
        }
        return true;
    }
    bool restored = restore(mine, stream, now);
    if (restored && mine.action == Action::publish) {
        learn_term(mine.stream_id, term, now);
    }
    return restored;
}

void Sessions::learn_term(const Id &stream, int64_t term, WallMs now) {
    zone_.live().update(
        stream, now, [&](LiveRecord &r) { r.term = std::max(r.term, term); });
}

} // namespace ks::zone
