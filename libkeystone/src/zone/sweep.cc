// What is done to the sessions now and then: time limits, repair of counts,
// and writing behind.
#include "zone/sessions.h"

#include <algorithm>

namespace ks::zone {

using model::Action;
using model::EndReason;
using model::Session;

namespace {

// How long a session that has ended and is written stays to be looked at.
constexpr Millis kAfterlife = kMinute;

bool less(const Id &a, const Id &b) { return a.view() < b.view(); }

} // namespace

Sessions::Swept Sessions::sweep(WallMs now, const Times &times) {
    Swept swept;
    sweep_sessions(now, times, &swept);
    sweep_live(now, &swept);
    // Read before counting: what goes wrong meanwhile is for the next time.
    uint64_t doubt = doubts();
    if (zone_.doubts_.exchange(doubt) != doubt) {
        recount(now);
        swept.recounted = true;
    }
    return swept;
}

void Sessions::sweep_sessions(WallMs now, const Times &times, Swept *swept) {
    std::vector<Id> over;
    struct Old {
        Id id;
        HashKey viewer;
        HashKey client;
    };
    std::vector<Old> old;
    zone_.sessions().each(now, [&](const Id &id, const SessionRecord &r) {
        if (is_over(r.session, times, now)) {
            over.push_back(id);
        } else if (r.closed() && !r.dirty() &&
                   now - r.session.ended_at >= kAfterlife) {
            const Session &s = r.session;
            HashKey client;
            if (!s.srs_client.empty()) {
                client = zone_.hash("client", s.node.view(),
                                    s.srs_service.view(), s.srs_client.view());
            }
            old.push_back({id, r.viewer, client});
        }
    });
    for (const Id &id : over) {
        Session ended;
        if (!end(id, EndReason::timeout, now, &times, &ended)) {
            continue;
        }
        zone_.counters().add(Counter::sessions_swept);
        if (ended.owner_pid != 0) {
            zone_.kicks().push(id, EndReason::timeout);
        }
        swept->ended.push_back(ended);
    }
    for (const Old &o : old) {
        for (const HashKey &key : {o.viewer, o.client}) {
            Viewer named;
            if (key.value != 0 && zone_.viewers().find(key, now, &named) &&
                named.session == o.id) {
                zone_.viewers().erase(key);
            }
        }
        zone_.sessions().erase(o.id);
    }
}

// Live records that name a publisher that ended (a worker died between the two
// changes), whose window is over, or that nobody needs.
void Sessions::sweep_live(WallMs now, Swept *swept) {
    auto departed = [&](const LiveRecord &r) {
        bool lives = false;
        zone_.sessions().peek(
            r.live.publisher, now,
            [&](const SessionRecord &s) { lives = !s.closed(); });
        return !lives;
    };
    std::vector<Id> due;
    zone_.live().each(now, [&](const Id &id, const LiveRecord &r) {
        bool idle = r.live.publisher.empty();
        bool waits = idle && r.live.window_until > now;
        if (idle ? !waits && (r.live.viewers == 0 || r.live.window_until != 0)
                 : departed(r)) {
            due.push_back(id);
        }
    });
    for (const Id &id : due) {
        bool ended = false;
        zone_.live().upsert(id, now, [&](LiveRecord &r, bool created) {
            if (created) {
                return Fate::drop;
            }
            if (!r.live.publisher.empty() && departed(r)) {
                depart(r, EndReason::upstream, now);
            }
            if (!r.live.publisher.empty() || r.live.window_until > now) {
                return Fate::keep;
            }
            if (r.live.window_until != 0) {
                ended = true;
                depart(r, EndReason::expired, now);
            }
            return r.live.viewers == 0 ? Fate::drop : Fate::keep;
        });
        if (ended) {
            swept->idle.push_back(id);
        }
    }
}

// Grows when a lock was taken over from the dead, or something counted had to
// go to make room.
uint64_t Sessions::doubts() {
    return zone_.live().repairs() + zone_.sessions().repairs() +
           zone_.live().evicted(1) +
           zone_.sessions().evicted(SessionPolicy::kViewer);
}

int32_t Sessions::count_viewers(const Id &stream, WallMs now) {
    int32_t n = 0;
    zone_.sessions().each(now, [&](const Id &, const SessionRecord &r) {
        n += !r.closed() && !r.replica() && r.session.action == Action::play &&
             r.session.stream_id == stream;
    });
    return n;
}

// All at once without a lock over all: a stream whose record changed between
// reading it and counting is counted alone, under its lock.
void Sessions::recount(WallMs now) {
    struct Known {
        Id stream;
        uint32_t changes;
    };
    std::vector<Known> known;
    zone_.live().each(now, [&](const Id &id, const LiveRecord &r) {
        known.push_back({id, r.changes});
    });
    std::vector<Id> seats; // the stream of each viewer
    zone_.sessions().each(now, [&](const Id &, const SessionRecord &r) {
        if (!r.closed() && !r.replica() && r.session.action == Action::play) {
            seats.push_back(r.session.stream_id);
        }
    });
    std::sort(seats.begin(), seats.end(), less);

    for (const Known &k : known) {
        auto range =
            std::equal_range(seats.begin(), seats.end(), k.stream, less);
        auto n = static_cast<int32_t>(range.second - range.first);
        zone_.live().update(k.stream, now, [&](LiveRecord &r) {
            bool same = r.changes == k.changes;
            r.live.viewers =
                r.elsewhere + (same ? n : count_viewers(k.stream, now));
        });
    }
    // Viewers of a stream that had no record, or lost it.
    seats.erase(std::unique(seats.begin(), seats.end()), seats.end());
    for (const Id &stream : seats) {
        if (find_live(stream, now)) {
            continue;
        }
        zone_.live().upsert(stream, now, [&](LiveRecord &r, bool created) {
            if (!created) {
                return Fate::keep;
            }
            r.live.stream_id = stream;
            r.live.viewers = count_viewers(stream, now);
            return r.live.viewers > 0 ? Fate::keep : Fate::drop;
        });
    }
    // Whoever died may have changed a record and not said so.
    for (std::atomic<uint8_t> &dirty : zone_.dirty_) {
        dirty.store(1, std::memory_order_release);
    }
}

int Sessions::end_worker(const Workers::Gone &gone, WallMs now) {
    std::vector<Id> ids = ids_where(
        [&](const Session &s) {
            return s.owner_pid == gone.pid && s.started_at < gone.before;
        },
        now);
    int n = 0;
    for (const Id &id : ids) {
        n += close(id, EndReason::upstream, now) ? 1 : 0;
    }
    for (std::atomic<uint8_t> &dirty : zone_.dirty_) {
        dirty.store(1, std::memory_order_release);
    }
    return n;
}

// A shard's mark is taken off before looking and put back if anything was
// found: it stays until a look finds nothing, so a failed write costs nothing.
std::vector<Sessions::Dirty> Sessions::take_dirty(size_t max, WallMs now) {
    std::vector<Dirty> taken;
    uint32_t shards = SessionTable::shards();
    uint32_t from = zone_.dirty_from_.fetch_add(1, std::memory_order_relaxed);
    for (uint32_t s = 0; s < shards && taken.size() < max; s++) {
        uint32_t shard = (from + s) % shards;
        if (zone_.dirty_[shard].exchange(0, std::memory_order_acq_rel) == 0) {
            continue;
        }
        bool found = false;
        auto look = [&](const Id &, const SessionRecord &r) {
            if (r.dirty()) {
                found = true;
                if (taken.size() < max) {
                    taken.push_back({r.session, r.version});
                }
            }
        };
        zone_.sessions().each_of(shard, now, look);
        if (found) {
            zone_.dirty_[shard].store(1, std::memory_order_release);
        }
    }
    return taken;
}

void Sessions::flushed(std::span<const Dirty> written, WallMs now) {
    for (const Dirty &d : written) {
        bool done = false;
        zone_.sessions().update(d.session.id, now, [&](SessionRecord &r) {
            // An older write may be reported after a newer one.
            if (static_cast<int32_t>(d.version - r.flushed) > 0) {
                r.flushed = d.version;
            }
            done = r.closed() && !r.dirty();
        });
        if (done) {
            zone_.sessions().demote(d.session.id);
        }
    }
}

uint64_t Sessions::lost() const {
    return zone_.sessions().evicted(SessionPolicy::kUnwritten);
}

Result<void> Sessions::check(WallMs now) {
    Result<void> result;
    auto wrong = [&](const char *what, const Id &id) {
        if (result) {
            result =
                Error(Code::internal, std::string(what) + " of " + id.str());
        }
    };
    zone_.live().each(now, [&](const Id &id, const LiveRecord &r) {
        if (!(r.live.stream_id == id)) {
            wrong("wrong stream in the live record", id);
        }
        if (count_viewers(id, now) + r.elsewhere != r.live.viewers) {
            wrong("wrong count of viewers", id);
        }
        bool lives = r.live.publisher.empty();
        zone_.sessions().peek(
            r.live.publisher, now, [&](const SessionRecord &s) {
                lives = !s.closed() && s.session.stream_id == id;
            });
        if (!lives) {
            wrong("publisher that is none", id);
        }
    });
    return result;
}

} // namespace ks::zone
