// What lies in the tables of live streams and sessions, and what may leave
// them when they are full.
#pragma once

#include "model/live.h"
#include "model/session.h"
#include "zone/table.h"

namespace ks::zone {

struct LiveRecord {
    model::Live live;
    uint32_t changes = 0;       // of publisher or viewers: tells a recount
    int32_t window_seconds = 0; // how long it waits for its publisher
    // Several hosts.  Who publishes, or is waited for, is another host's
    // affair where `host` says so; live.viewers has those elsewhere in it.
    Id host;
    int64_t term = 0; // of the claim, see store/live.h; 0: none known
    int32_t elsewhere = 0;
    WallMs said_at = 0; // by `host`, on its clock
};

struct LivePolicy {
    // One that nobody publishes and nobody watches goes first.
    static int rank(const LiveRecord &r, Millis) {
        if (!r.live.publisher.empty()) {
            return kKeep;
        }
        return r.live.viewers > 0 || r.live.window_until != 0 ? 1 : 0;
    }
};

struct SessionRecord {
    model::Session session;
    uint32_t version = 0; // grows with what the store should know
    uint32_t flushed = 0; // the version the store has
    bool kick_requested = false;
    model::EndReason kick_reason = model::EndReason::none;
    WallMs noted_at = 0; // when version last grew
    HashKey viewer;      // HLS: who, in the table of viewers

    bool dirty() const { return version != flushed; }
    bool closed() const { return session.state == model::SessionState::closed; }
    // Another host's, as far as it is known here.
    bool replica() const { return !session.host.empty(); }
    // What is another host's is for that one to write.
    void changed(WallMs now) {
        if (!replica()) {
            version++;
            noted_at = now;
        }
    }
};

struct SessionPolicy {
    static constexpr int kWritten = 0;
    static constexpr int kUnwritten = 1;
    static constexpr int kViewer = 2;

    static int rank(const SessionRecord &r, Millis) {
        if (r.closed()) {
            return r.dirty() ? kUnwritten : kWritten;
        }
        if (r.replica() && r.session.action == model::Action::play) {
            return kWritten; // can be read again
        }
        return r.session.action == model::Action::publish ? kKeep : kViewer;
    }
};

// A publisher is there: the stream is its own.
void publish(LiveRecord &r, const model::Session &session,
             int32_t window_seconds, WallMs now);
// The publisher went: the stream waits for it, or is idle.
void depart(LiveRecord &r, model::EndReason reason, WallMs now);

// What another host says of a stream.
struct Remote {
    Id host;
    int64_t term = 0;
    model::Live live;         // stream, token, node, times; seen_at: said
    model::Session publisher; // its id empty: nobody
    int32_t window_seconds = 0;

    // Its session is not open yet, and may never be.
    bool is_claim() const {
        return !publisher.id.empty() && live.started_at == 0;
    }
};

// Which session a viewer without a connection (HLS) has.
struct Viewer {
    Id session;
};

// Where a WHEP session's player reads events (gate/events.h), by an id that is
// all it takes to read them.
struct Feed {
    Id session;
    Id stream;
    WallMs seen_at = 0;  // somebody read, or it was made
    uint32_t reader = 0; // the number of the newest; it ends the others
    uint8_t kinds = 0;   // of events that are wanted
};

struct FeedPolicy {
    static constexpr Millis kIdle = 60 * kSecond;
    static int rank(const Feed &f, Millis now) {
        return now - f.seen_at < kIdle ? kKeep : 0;
    }
};

using LiveTable = Table<Id, LiveRecord, LivePolicy>;
using SessionTable = Table<Id, SessionRecord, SessionPolicy>;
using ViewerTable = Table<HashKey, Viewer>;
using FeedTable = Table<Id, Feed, FeedPolicy, 4>;

} // namespace ks::zone
