// What hosts that are gone leave to this one, and what this one finds again.
#include "gate/hosts.h"

#include "gate/place.h"
#include "rt/wait.h"

#include <algorithm>
#include <utility>

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Session;
using model::SessionState;

namespace {

// Five beats, and nobody is taken for dead for a busy second.
constexpr Millis kDeadAfter = 10 * kSecond;
// Time that passed without a look proves nothing.
constexpr Millis kLongestLook = 2 * kSecond;
constexpr Millis kStraysEvery = 30 * kSecond;
constexpr size_t kAtOnce = 100; // sessions, then others have their turn

} // namespace

// By counting beats with the clock of this host, and only while the store
// tells: a host is not dead because this one cannot read.
rt::Task<void> Hosts::watch() {
    auto rows = co_await store_.hosts().all();
    sound(rows.ok());
    if (!rows) {
        watched_at_ = -1;
        co_return;
    }
    Millis now = loop_.now();
    Millis passed = watched_at_ < 0 ? 0 : now - watched_at_;
    watched_at_ = now;
    std::map<std::string, Other, std::less<>> there;
    std::vector<store::HostRow> dead;
    for (store::HostRow &row : *rows) {
        if (row.id == self()) {
            continue;
        }
        auto known = others_.find(row.id.view());
        Other other = known != others_.end() ? known->second : Other();
        other.silent = row.beats == other.beats
                           ? other.silent + std::min(passed, kLongestLook)
                           : 0;
        other.beats = row.beats;
        there[row.id.str()] = other;
        if (row.left_at != 0 || other.silent >= kDeadAfter ||
            is_over(row.place)) {
            dead.push_back(std::move(row));
        }
    }
    for (const auto &[id, other] : others_) {
        if (there.find(id) == there.end()) { // another one buried it
            forget_audience(Id(id));
        }
    }
    others_ = std::move(there);
    for (store::HostRow &row : dead) {
        Id id = row.id;
        int64_t beats = row.beats;
        co_await bury(id, beats, std::move(row.name));
    }
    if (now >= strays_at_) {
        strays_at_ = now + kStraysEvery;
        co_await bury_strays();
    }
}

// A new host may claim before it beats: so one that has no row is looked at
// twice.
rt::Task<void> Hosts::bury_strays() {
    auto ids = co_await store_.hosts().strays();
    if (!ids) {
        co_return;
    }
    Millis now = loop_.now();
    std::map<std::string, Millis, std::less<>> seen;
    for (const Id &id : *ids) {
        auto known = strays_.find(id.view());
        seen[id.str()] = known == strays_.end() ? now : known->second;
    }
    strays_ = std::move(seen);
    for (const Id &id : *ids) {
        Id dead = id;
        bool due = now - strays_[id.str()] >= kDeadAfter && !(id == self());
        if (due) {
            std::string unnamed;
            co_await bury(dead, store::Hosts::kNoRow, std::move(unnamed));
        }
    }
}

// False: the store did not say all.
rt::Task<bool> Hosts::bury(Id dead, int64_t beats, std::string name) {
    size_t n = 0;
    for (bool more = true; more;) {
        Id heir = self();
        auto estate = co_await store_.hosts().bury(dead, beats, heir);
        if (!estate) {
            co_return false; // found again: its row, or that it has none
        }
        if (!estate->ours) {
            co_return true; // another heir's, or it is back
        }
        beats = store::Hosts::kNoRow;
        more = estate->more;
        n += estate->sessions.size();
        auto work = take(std::move(estate->sessions));
        bool judged = co_await std::move(work);
        recovered_ = recovered_ && judged;
    }
    if (!dead.empty()) {
        others_.erase(dead.str());
        forget_audience(dead);
        loop_.log(rt::LogLevel::warn,
                  "host " + dead.str() + " (" + name +
                      ") is gone; sessions taken over: " + std::to_string(n));
    }
    all_at_ = 0;
    co_return true;
}

// Sessions that media servers have, and that are this host's from now on.
// What would have ended them was not heard by the host that is gone.  False: of
// some the store did not say whether they may go on, and recover() asks again.
rt::Task<bool> Hosts::take(std::vector<Session> sessions) {
    bool all = true;
    size_t n = 0;
    for (Session &s : sessions) {
        if (++n % kAtOnce == 0) { // all that is asked for may be warm
            co_await rt::sleep_for(0, rt::Hold::none);
        }
        Id stream = s.stream_id;
        Id token = s.token_id;
        auto facts = co_await store_.streams().facts(stream);
        bool judged = facts.ok();
        bool revoked = false;
        if (!token.empty()) {
            auto shown = co_await store_.tokens().by_id(token);
            judged = judged && (shown || shown.error().code == Code::not_found);
            revoked = shown && shown->revoked_at != 0;
        }
        auto here = sessions_.table().find(s.id, loop_.wall());
        bool ended = here && here->state == SessionState::closed;
        if (here && !ended && here->host.empty()) {
            continue; // this host's own, that others took for dead
        }
        if (!ended && !s.ends() && !judged) {
            all = false;
            continue;
        }
        EndReason reason = EndReason::none;
        if (ended) {
            reason = here->end_reason;
        } else if (s.ends()) { // its host was told, and did not live to do it
            reason = s.end_reason;
        } else if (!(facts->exists && facts->enabled)) {
            reason = EndReason::disabled;
        } else if (revoked) {
            reason = EndReason::revoked;
        } else if (!sessions_.table().adopt(s, *facts, 0, loop_.wall())) {
            reason = EndReason::replaced; // or there is no room
        }
        if (reason != EndReason::none) {
            auto work = give_up(std::move(s), reason);
            co_await std::move(work);
        }
    }
    co_return all;
}

// An inherited session that is not to go on.
rt::Task<void> Hosts::give_up(Session session, EndReason reason) {
    upstream_.end_later(session);
    sessions_.table().close(session.id, reason, loop_.wall()); // a replica
    session.host = self();
    session.owner_pid = 0;
    session.state = SessionState::closed;
    session.end_reason = reason;
    session.ended_at = std::max<WallMs>(loop_.wall(), 1);
    if (session.action == Action::publish) {
        unclaim(session.stream_id, session.id);
    }
    std::vector<Session> rows;
    rows.push_back(std::move(session));
    auto written = co_await store_.sessions().write(std::move(rows));
    (void)written; // else close_lost() does, its node ends it in any case
}

// A worker that begins to lead: what is this host's by the store's word, and is
// not in the zone, is of one that died while it took it over.
rt::Task<bool> Hosts::recover() {
    unnamed_ = zone_.claim_recovery() || unnamed_;
    if (unnamed_) {
        Id nobody;
        std::string name;
        bool done =
            co_await bury(nobody, store::Hosts::kNoRow, std::move(name));
        if (!done) {
            co_return false;
        }
        unnamed_ = false;
    }
    Id me = self();
    Id after;
    bool all = true;
    for (bool more = true; more;) {
        auto rows = co_await store_.hosts().on_nodes(me, after);
        if (!rows) {
            co_return false;
        }
        more = rows->size() >= store::Hosts::kPage;
        after = more ? rows->back().id : Id();
        WallMs now = loop_.wall();
        std::erase_if(*rows, [&](const Session &s) {
            auto known = sessions_.table().find(s.id, now);
            return known && known->host.empty();
        });
        auto work = take(std::move(*rows));
        bool judged = co_await std::move(work);
        all = all && judged;
    }
    co_return all;
}

// Others took this host for dead: what it still has is told anew, and what is
// another's by now is given up.
rt::Task<bool> Hosts::was_buried() {
    loop_.log(
        rt::LogLevel::warn,
        "other hosts took this one for dead: it is told anew what it has");
    told_.clear();
    counted_.clear();
    all_at_ = 0;
    std::vector<Id> ids;
    WallMs now = loop_.wall();
    sessions_.table().each(now, [&](const Session &s) {
        if (s.host.empty() && s.state != SessionState::closed) {
            ids.push_back(s.id);
        }
    });
    for (size_t at = 0; at < ids.size(); at += store::Sessions::kMaxIds) {
        size_t end = std::min(at + store::Sessions::kMaxIds, ids.size());
        std::vector<Id> some(ids.begin() + static_cast<std::ptrdiff_t>(at),
                             ids.begin() + static_cast<std::ptrdiff_t>(end));
        std::vector<Id> wanted = some;
        auto rows = co_await store_.sessions().by_ids(std::move(wanted));
        if (!rows) {
            co_return false;
        }
        now = loop_.wall();
        for (const Session &row : *rows) {
            if (!row.host.empty() && !(row.host == self())) {
                sessions_.table().give_away(row.id, row.host, now);
            }
        }
        for (const Id &id : some) { // written again
            sessions_.table().amend(id, now, [](Session &) {});
        }
    }
    co_return true;
}

} // namespace ks::gate
