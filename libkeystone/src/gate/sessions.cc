#include "gate/sessions.h"

#include "base/counted.h"
#include "gate/hosts.h"
#include "gate/upstream.h"
#include "rt/wait.h"
#include "store/store.h"
#include "zone/sessions.h"

#include <array>
#include <map>
#include <string>
#include <unistd.h>
#include <utility>

namespace ks::gate {

using model::EndReason;

namespace {

constexpr Millis kTick = 250;        // a kick reaches every worker in this time
constexpr Millis kSweepEvery = 1000; // time limits, dead workers
constexpr Millis kLease = 3000;
constexpr Millis kGiveWay = 2 * kTick; // for others to take the lead
constexpr size_t kFlushBatch = 200;
constexpr int kFlushBatches = 20; // of one tick
// A media server that does not talk as SRS does tells nothing of a session's
// life but the answer it began with: without DELETE it is taken for over after
// this.  See nodes.h for those that do.
constexpr Millis kSilent = 6 * kHour;
constexpr Millis kWaitGone = 2000; // for a replaced publisher's connection

// Of this host, and a media server has it.
bool is_remote(const model::Session &s) {
    return s.at_node() && s.host.empty();
}

std::string key(const Id &id) { return id.str(); }

} // namespace

struct Sessions::State {
    State(zone::Zone &z, store::Store *st, rt::Loop &l)
        : zone(z), table(z), store(st), loop(l) {}

    // A kick of our own is delivered by the loop, never from inside the call
    // that asked for it: the caller may be the very connection.
    class Local : public rt::Ready {
      public:
        explicit Local(Holder &h) : holder_(&h) {}
        void kick(EndReason reason) {
            if (reason_ == EndReason::none) {
                reason_ = reason;
                rt::Loop::current().ready(*this);
            }
        }

      private:
        void fire() override { holder_->kick(reason_); }
        Holder *holder_;
        EndReason reason_ = EndReason::none;
    };

    void kick_local(const Id &id, EndReason reason) {
        auto it = held.find(key(id));
        if (it != held.end()) {
            it->second.kick(reason);
        }
    }

    void end_remote(const model::Session &session) {
        if (upstream != nullptr) {
            upstream->end_later(session);
        }
    }

    void read_kicks();
    rt::Task<void> tick();
    rt::Task<void> flush();
    rt::Task<bool> flush_some();
    void sweep();
    bool take_lead(Millis now);

    zone::Zone &zone;
    zone::Sessions table;
    store::Store *store;
    rt::Loop &loop;
    Upstream *upstream = nullptr;
    Hosts *hosts = nullptr;
    std::map<std::string, Local> held;
    uint64_t cursor = 0;
    uint32_t slot = zone::Workers::kNoSlot;
    int32_t pid = getpid();
    Millis sweep_at = 0;
    Millis lead_at = 0; // draining: not before
    bool flushing = false;
    bool leads = false;
};

Sessions::Sessions(zone::Zone &zone, store::Store *store, rt::Loop &loop)
    : state_(std::make_unique<State>(zone, store, loop)) {
    state_->cursor = zone.kicks().head();
}

Sessions::~Sessions() {
    if (state_->slot != zone::Workers::kNoSlot) {
        state_->zone.workers().leave(state_->slot);
    }
}

void Sessions::use(Upstream &upstream) { state_->upstream = &upstream; }
void Sessions::use(Hosts &hosts) { state_->hosts = &hosts; }
Hosts *Sessions::hosts() { return state_->hosts; }

void Sessions::start() {
    State &s = *state_;
    s.slot = s.zone.workers().enter(s.pid, s.loop.wall());
    s.loop.spawn(s.tick());
}

size_t Sessions::end_stream(const Id &stream, EndReason reason) {
    size_t n = 0;
    for (const Id &id : ids_where(
             [&](const model::Session &s) { return s.stream_id == stream; })) {
        n += end_session(id, reason) ? 1 : 0;
    }
    return n;
}

size_t Sessions::end_token(const Id &stream, const Id &token,
                           EndReason reason) {
    size_t n = 0;
    for (const Id &id : ids_where([&](const model::Session &s) {
             return s.stream_id == stream && s.token_id == token;
         })) {
        n += end_session(id, reason) ? 1 : 0;
    }
    return n;
}

bool Sessions::end_session(const Id &session, EndReason reason) {
    State &s = *state_;
    WallMs now = s.loop.wall();
    auto known = s.table.find(session, now);
    if (known && !known->host.empty() && s.hosts != nullptr) {
        bool alive = known->state != model::SessionState::closed;
        if (alive) {
            s.hosts->end(*known, reason);
        }
        return alive;
    }
    if (!s.table.request_kick(session, reason, now)) {
        return false;
    }
    if (known && is_remote(*known)) {
        s.end_remote(*known);
    }
    s.zone.counters().add(zone::Counter::kicks);
    s.kick_local(session, reason);
    return true;
}

template <class Match> std::vector<Id> Sessions::ids_where(Match match) {
    std::vector<Id> ids;
    state_->table.each(state_->loop.wall(), [&](const model::Session &s) {
        // Another host hears for itself of what ends its own.
        if (s.state != model::SessionState::closed && s.host.empty() &&
            match(s)) {
            ids.push_back(s.id);
        }
    });
    return ids;
}

void Sessions::hold(const Id &session, Holder &holder) {
    state_->held.try_emplace(key(session), holder);
}

void Sessions::release(const Id &session, EndReason reason) {
    State &s = *state_;
    s.held.erase(key(session));
    WallMs now = s.loop.wall();
    auto known = s.table.find(session, now);
    bool ended = s.table.close(session, reason, now);
    if (ended && known && is_remote(*known)) {
        s.end_remote(*known);
    }
    // Whoever replaces it waits for this: the connection is really gone.
    s.table.amend(session, now, [](model::Session &r) { r.owner_pid = 0; });
}

rt::Task<bool> Sessions::gone(Id session) {
    State &s = *state_;
    Millis until = s.loop.now() + kWaitGone;
    s.kick_local(session, EndReason::replaced);
    for (;;) {
        auto found = s.table.find(session, s.loop.wall());
        if (!found) {
            co_return true;
        }
        if (!found->host.empty() && s.hosts != nullptr) {
            bool ended = co_await s.hosts->gone(session);
            co_return ended;
        }
        bool remote = is_remote(*found) && s.upstream != nullptr;
        if (remote && found->named()) {
            bool ended = co_await s.upstream->end(*found);
            co_return ended;
        }
        if (!remote && found->owner_pid == 0) {
            co_return true;
        }
        if (s.loop.now() >= until) {
            co_return false;
        }
        co_await rt::sleep_for(10);
    }
}

zone::Zone &Sessions::zone() { return state_->zone; }
zone::Sessions &Sessions::table() { return state_->table; }
bool Sessions::leads() const { return state_->leads; }
size_t Sessions::holds() const { return state_->held.size(); }
bool Sessions::retire() { return state_->zone.workers().retire(state_->slot); }
bool Sessions::is_last() {
    return state_->zone.workers().is_last(state_->slot);
}
rt::Task<void> Sessions::write() { return state_->flush(); }
int32_t Sessions::pid() const { return state_->pid; }

// Every worker reads the ring for itself and ends what it holds.
void Sessions::State::read_kicks() {
    std::array<zone::Kick, 64> kicks;
    for (;;) {
        auto got = zone.kicks().read(&cursor, kicks);
        for (size_t i = 0; i < got.count; i++) {
            kick_local(kicks[i].session, kicks[i].reason);
        }
        if (got.overflow) {
            for (const zone::Kick &k : table.kicks_of(pid, loop.wall())) {
                kick_local(k.session, k.reason);
            }
        }
        if (got.count < kicks.size()) {
            return;
        }
    }
}

rt::Task<void> Sessions::State::tick() {
    for (;;) {
        co_await rt::sleep_for(kTick, rt::Hold::none);
        read_kicks();
        Millis now = loop.now();
        zone.workers().beat(slot, now);
        leads = take_lead(now);
        if (leads && !flushing) {
            flushing = true;
            loop.spawn(flush());
        }
        if (leads && now >= sweep_at) {
            sweep_at = now + kSweepEvery;
            sweep();
        }
    }
}

// One that drains may do so for hours, with the configuration of before: it
// gives way to the others, and leads now and then in case there are none.
bool Sessions::State::take_lead(Millis now) {
    zone::Workers &workers = zone.workers();
    if (loop.draining() && (leads || now < lead_at)) {
        if (leads) {
            workers.resign(slot);
            lead_at = now + kGiveWay;
        }
        return false;
    }
    return workers.lead(slot, now, kLease);
}

// Time limits, and what dead workers held.
void Sessions::State::sweep() {
    WallMs wall = loop.wall();
    zone.workers().reap([&](const zone::Workers::Gone &gone) {
        int n = table.end_worker(gone, wall);
        zone.counters().add(zone::Counter::workers_lost);
        if (n > 0) {
            loop.log(rt::LogLevel::notice,
                     "worker " + std::to_string(gone.pid) +
                         " is gone, sessions ended: " + std::to_string(n));
        }
    });
    zone::Sessions::Times times;
    times.silent = kSilent;
    zone::Sessions::Swept swept = table.sweep(wall, times);
    for (const model::Session &s : swept.ended) {
        kick_local(s.id, s.end_reason);
        if (is_remote(s)) {
            end_remote(s);
        }
    }
}

// Write-behind.  At least once: what the store refused stays dirty.
rt::Task<void> Sessions::State::flush() {
    Flagged inside(flushing);
    bool more = store != nullptr;
    for (int i = 0; more && i < kFlushBatches; i++) {
        more = co_await flush_some();
    }
}

// False: there is no more, or the store takes no more.
rt::Task<bool> Sessions::State::flush_some() {
    std::vector<zone::Sessions::Dirty> dirty =
        table.take_dirty(kFlushBatch, loop.wall());
    if (dirty.empty()) {
        co_return false;
    }
    std::vector<model::Session> rows;
    rows.reserve(dirty.size());
    for (const zone::Sessions::Dirty &d : dirty) {
        rows.push_back(d.session);
        if (hosts != nullptr) {
            rows.back().host = zone.self();
        }
    }
    auto written = co_await store->sessions().write(std::move(rows));
    if (!written) {
        co_return false;
    }
    table.flushed(dirty, loop.wall());
    zone.counters().add(zone::Counter::sessions_flushed, dirty.size());
    for (const zone::Sessions::Dirty &d : dirty) {
        if (d.session.action == model::Action::publish &&
            d.session.state == model::SessionState::closed &&
            d.session.active_at > 0) {
            Id stream = d.session.stream_id;
            WallMs at = d.session.ended_at;
            auto touched = co_await store->streams().touch(stream, at);
            if (!touched) {
                co_return false; // only a date; the next broadcast sets it
            }
        }
    }
    co_return dirty.size() == kFlushBatch;
}

} // namespace ks::gate
