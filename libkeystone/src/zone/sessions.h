// Publishers and viewers as all workers see them: the operations on the tables
// of live streams and sessions.
//
// A stream's record in the live map decides every race: whoever changes its
// publisher or its viewers holds the lock of that record's shard, and changes
// the session inside it.  A worker killed between two steps leaves at worst a
// live record that names an ended session, or a wrong count of viewers: the
// first is seen through at once, the second is put right by the next sweep().
#pragma once

#include "model/live.h"
#include "model/session.h"
#include "model/stream.h"
#include "zone/zone.h"

#include <optional>
#include <span>
#include <vector>

namespace ks::zone {

class Sessions {
  public:
    explicit Sessions(Zone &zone) : zone_(zone) {}

    enum class Open {
        opened,
        busy,    // another one publishes
        limit,   // as many viewers as the stream may have
        present, // this viewer has a session already
        full     // the zone has no room: 503
    };
    struct Opened {
        Open what = Open::full;
        Id other; // opened: whom it replaced, if any; busy, present: that one

        bool ok() const { return what == Open::opened; }
    };

    // Exactly one of those who call this at the same time gets in.
    // `replaces` is the publisher that decide() saw and allowed to replace
    // (Live::publisher, when Verdict::replaces); empty: none.  It is ended with
    // reason `replaced`, and its worker told.  Busy means that another one
    // came between: decide anew with find_live().
    // A publisher whose worker is dead is not in the way.
    Opened open_publisher(const model::Session &session,
                          const model::StreamFacts &stream, const Id &replaces,
                          WallMs now, int64_t term = 0);

    // A viewer with a connection (RTMP, FLV, WHEP).  max_viewers 0: no limit.
    Opened open_viewer(const model::Session &session, int32_t max_viewers,
                       WallMs now) {
        return open_viewer(session, max_viewers, HashKey{}, now);
    }
    // A viewer without one (HLS): `viewer` tells it from others, see
    // Zone::hash("viewer", stream, credential or address, user agent).
    // Its session starts active and ends when it has not been seen for 30 s.
    Opened open_viewer(const model::Session &session, int32_t max_viewers,
                       HashKey viewer, WallMs now);

    enum class Seen { unknown, alive, kicked };
    // For each playlist and segment.  unknown: open_viewer() it.  kicked: it
    // was ended on purpose, and has not been away for 30 s since.
    Seen touch_viewer(HashKey viewer, int64_t bytes_out, WallMs now,
                      Id *session = nullptr);

    // Totals since the start; the first call turns connecting into active.
    // False: it has ended.
    bool media(const Id &session, int64_t bytes_in, int64_t bytes_out,
               WallMs now);
    // What the media server answered, e.g. where its resource is.
    // fn(model::Session &); never for state, action, stream or counts.
    template <class Fn> bool amend(const Id &session, WallMs now, Fn fn) {
        return note(session, now, [&](SessionRecord &r) { fn(r.session); });
    }

    // A media server's name for a session, and back.  Session by that name is
    // found as long as its record is there, ended or not.
    bool link(const Id &session, std::string_view service,
              std::string_view client, std::string_view stream, WallMs now);
    // The same for who shows that it is the session: false, and nothing
    // changes, when that has ended or is another client already.  One that a
    // worker holds (a relay) may come again as another one.
    bool claim(const Id &session, std::string_view service,
               std::string_view client, std::string_view stream, WallMs now);
    std::optional<model::Session> linked(std::string_view node,
                                         std::string_view service,
                                         std::string_view client, WallMs now);
    // Takes that name off: the session goes on without (a relay).
    void unlink(const Id &session, WallMs now);

    // A publisher's media go to this node from now on.  False: it has ended.
    bool move(const Id &session, std::string_view node, WallMs now);

    // The node that has it goes by this name now.
    void rehome(const Id &session, std::string_view node, WallMs now);

    // After a restart: a session as the store had it.  False: it is there.
    bool restore(const model::Session &session,
                 const model::StreamFacts &stream, WallMs now);

    // Several hosts (mirror.cc).  What another one says of a stream: taken over
    // unless something newer is known here.
    struct Mirrored {
        Id replaced;           // a publisher of this host that had to go for it
        bool disputed = false; // one of this host publishes: to be said again
    };
    Mirrored mirror(const Remote &remote, WallMs now);
    // How many viewers the others have together.
    void audience(const Id &stream, int32_t elsewhere, WallMs now);
    // A session of another host, for what is asked of it here; brings one that
    // is here up to date.  False: it has ended, or there is no room.
    bool import(const model::Session &session, WallMs now);
    // A session of this host is another's now, and back.
    void give_away(const Id &session, const Id &host, WallMs now);
    bool adopt(const model::Session &session, const model::StreamFacts &stream,
               int64_t term, WallMs now);
    void learn_term(const Id &stream, int64_t term, WallMs now);

    // Ends it, once: false if it had ended (or is not known).  A publisher's
    // stream waits for it (reconnecting) if it went by itself: client,
    // upstream, timeout; else the stream is idle.
    bool close(const Id &session, model::EndReason reason, WallMs now,
               model::Session *ended = nullptr);

    // Asks whoever holds it to end it: a mark in its record and an entry in the
    // ring.  Its worker closes its connection and calls close().  A session that
    // no worker holds (HLS, WHIP, WHEP) is closed at once.  False: not known or ended.
    bool request_kick(const Id &session, model::EndReason reason, WallMs now);
    // Of all that match(session); returns how many.
    template <class Match>
    int kick_all(Match match, model::EndReason reason, WallMs now) {
        int n = 0;
        for (const Id &id : ids_where(match, now)) {
            n += request_kick(id, reason, now) ? 1 : 0;
        }
        return n;
    }
    int kick_stream(const Id &stream, model::EndReason reason, WallMs now);
    int kick_token(const Id &token, model::EndReason reason, WallMs now);
    // After Kicks::Read::overflow: marked sessions that this process holds.
    std::vector<Kick> kicks_of(int32_t pid, WallMs now);

    std::optional<model::Session> find(const Id &session, WallMs now);
    std::optional<model::Live> find_live(const Id &stream, WallMs now);
    // The session that publishes the stream now.
    std::optional<model::Session> publisher_of(const Id &stream, WallMs now);
    // fn(const model::Live &) and fn(const model::Session &), ended ones too;
    // under a lock: copy, do not call back.
    template <class Fn> void each_live(WallMs now, Fn fn) {
        zone_.live().each(now,
                          [&](const Id &, const LiveRecord &r) { fn(r.live); });
    }
    template <class Fn> void each(WallMs now, Fn fn) {
        zone_.sessions().each(
            now, [&](const Id &, const SessionRecord &r) { fn(r.session); });
    }

    struct Times {
        Millis connecting = 30 * kSecond; // without media: it never came
        Millis idle_viewer = 30 * kSecond;
        Millis silent = kNever; // held by a node, no media() for so long
    };
    struct Swept {
        std::vector<model::Session> ended; // by a time limit just now
        std::vector<Id> idle; // streams whose publisher did not come back
        bool recounted = false;
    };
    // By one worker once a second (Workers::lead()).
    Swept sweep(WallMs now, const Times &times);
    Swept sweep(WallMs now) { return sweep(now, Times{}); }
    // Ends what a dead worker held, see Workers::reap().
    int end_worker(const Workers::Gone &gone, WallMs now);

    // Write-behind: what the store does not know yet.  It stays dirty until flushed() is called with what was taken, and after
    // that if it changed meanwhile: at least once.
    struct Dirty {
        model::Session session;
        uint32_t version = 0;
    };
    std::vector<Dirty> take_dirty(size_t max, WallMs now);
    void flushed(std::span<const Dirty> written, WallMs now);
    // Records that had to go before they were written.
    uint64_t lost() const;

    // Quiescent only: counts and links between the two tables.
    Result<void> check(WallMs now);

  private:
    template <class Fn> bool note(const Id &session, WallMs now, Fn fn) {
        bool found =
            zone_.sessions().update(session, now, [&](SessionRecord &r) {
                fn(r);
                r.changed(now);
            });
        if (found) {
            mark_dirty(session);
        }
        return found;
    }
    template <class Match> std::vector<Id> ids_where(Match match, WallMs now) {
        std::vector<Id> ids;
        zone_.sessions().each(now, [&](const Id &id, const SessionRecord &r) {
            if (!r.closed() && match(r.session)) {
                ids.push_back(id);
            }
        });
        return ids;
    }
    void mark_dirty(const Id &session);
    bool insert(const SessionRecord &record, WallMs now);
    // Only if a time limit is over, where there are `limits`.
    bool end(const Id &session, model::EndReason reason, WallMs now,
             const Times *limits, model::Session *ended);
    // The record alone.
    bool end_record(const Id &session, model::EndReason reason, WallMs now,
                    const Times *limits, model::Session *ended);
    bool lives(const Id &session, bool *replica, WallMs now);
    bool ended_here(const Id &session, WallMs now);
    bool show(const Remote &remote, WallMs now);
    void sweep_sessions(WallMs now, const Times &times, Swept *swept);
    void sweep_live(WallMs now, Swept *swept);
    bool in_the_way(const Id &publisher, WallMs now);
    void recount(WallMs now);
    int32_t count_viewers(const Id &stream, WallMs now);
    uint64_t doubts();

    Zone &zone_;
};

// The session has used up one of its times.
bool is_over(const model::Session &s, const Sessions::Times &times, WallMs now);

} // namespace ks::zone
