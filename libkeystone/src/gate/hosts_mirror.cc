// What this host shows of the streams of others.
#include "gate/hosts.h"

#include "gate/bans.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ks::gate {

using zone::LiveRecord;
using zone::Remote;

namespace {

// A claim whose session is not in the zone: its worker may be about to open it.
// Longer than an admission takes; one that takes longer is told when it is open.
constexpr Millis kOrphanFor = 15 * kSecond;
constexpr size_t kMaxRemembered = 50000;

} // namespace

void Hosts::apply(const Remote &row) {
    WallMs now = loop_.wall();
    if (row.host == self()) {
        if (!is_pending(row)) { // or who is there would be told in its term
            sessions_.table().learn_term(row.live.stream_id, row.term, now);
        }
        return;
    }
    auto done = sessions_.table().mirror(row, now);
    if (done.disputed) {
        told_.erase(row.live.stream_id.str());
    }
    if (done.replaced.empty()) {
        return;
    }
    auto replaced = sessions_.table().find(done.replaced, now);
    if (replaced && replaced->at_node()) {
        upstream_.end_later(*replaced);
    }
}

rt::Task<void> Hosts::read(bool all) {
    co_await read_live(all);
    co_await read_audience(all);
    if (all) {
        co_await read_bans();
    }
}

rt::Task<void> Hosts::read_live(bool all) {
    WallMs now = loop_.wall();
    all = all || live_since_ == 0;
    Terms before; // replicas that may be over
    if (all) {
        zone_.live().each(now, [&](const Id &stream, const LiveRecord &r) {
            if (!r.host.empty()) {
                before[stream.str()] = r.term;
            }
        });
    }
    if (all || heard_.size() > kMaxRemembered) {
        heard_.clear();
        std::erase_if(orphans_, [&](const auto &one) {
            return loop_.now() - one.second > kMinute;
        });
    }
    store::LivePlace after;
    after.at = all ? 0 : live_since_ - store::kOverlap;
    for (bool more = true; more;) {
        auto page =
            all ? store_.live().all(after) : store_.live().changed(after);
        auto rows = co_await std::move(page);
        sound(rows.ok());
        if (!rows) {
            co_return;
        }
        for (const store::LiveRow &row : *rows) {
            before.erase(row.live.stream_id.str());
            hear(row);
        }
        more = rows->size() >= store::LiveMap::kPage;
        if (more) {
            after.at = rows->back().live.seen_at;
            after.stream = rows->back().live.stream_id;
        }
    }
    live_since_ = now;
    forget_absent(before);
}

// What changed in the last seconds is read again and again.
void Hosts::hear(const store::LiveRow &row) {
    if (row.host == self()) {
        note_own(row);
        note_orphan(row);
        return;
    }
    Heard news{told_of(row), row.live.seen_at};
    Heard &last = heard_[row.live.stream_id.str()];
    if (!(last == news)) {
        last = news;
        apply(row);
    }
}

// Other hosts' publishers of which the store knows nothing any more.
void Hosts::forget_absent(const Terms &absent) {
    WallMs now = loop_.wall();
    for (const auto &[stream, term] : absent) {
        Remote over;
        bool same = false;
        zone_.live().peek(Id(stream), now, [&](const LiveRecord &r) {
            same = r.term == term && !r.host.empty();
            over.host = r.host;
            over.live.seen_at = r.said_at;
        });
        over.term = term;
        over.live.stream_id = Id(stream);
        if (same) {
            sessions_.table().mirror(over, now);
        }
    }
}

// A claim of this host of which nothing has come here yet.  Let in by Redis, its
// session may be here before it.
bool Hosts::is_pending(const store::LiveRow &row) {
    return row.is_claim() &&
           !sessions_.table().find(row.publisher.id, loop_.wall());
}

// What this host told and what the store has by now: of a claim that was
// withdrawn, and of a database that lost its last words when another one took
// over.
void Hosts::note_own(const store::LiveRow &row) {
    if (is_pending(row)) {
        return;
    }
    apply(row);
    if (row.publisher.id.empty()) {
        go_on(row);
    }
    auto told = told_.find(row.live.stream_id.view());
    if (told != told_.end() && !(told->second.told == told_of(row))) {
        told->second.told = Told();
    }
}

// A claim of this host was withdrawn that had taken the row of who publishes
// here.  In a term of its own, as in mirror().
void Hosts::go_on(const store::LiveRow &row) {
    const Id &stream = row.live.stream_id;
    WallMs now = loop_.wall();
    bool late = false;
    zone_.live().peek(stream, now, [&](const LiveRecord &r) {
        late =
            r.host.empty() && !r.live.publisher.empty() && r.term <= row.term;
    });
    if (late) {
        sessions_.table().learn_term(stream, row.term + 1, now);
    }
}

// A claim of this host, and no session: its worker died in between.
void Hosts::note_orphan(const store::LiveRow &row) {
    const Id &session = row.publisher.id;
    if (session.empty()) {
        return;
    }
    auto known = sessions_.table().find(session, loop_.wall());
    bool told = told_.find(row.live.stream_id.view()) != told_.end();
    if (known && (told || known->state != model::SessionState::closed)) {
        orphans_.erase(session.str());
        return; // what becomes of it is told
    }
    if (known) { // it was over before anything was told
        unclaim(row.live.stream_id, session);
        return;
    }
    auto [it, first] = orphans_.try_emplace(session.str(), loop_.now());
    if (first) { // it changes no more, and is to be seen then
        all_at_ = std::min(all_at_, loop_.now() + kOrphanFor);
    }
    if (!first && loop_.now() - it->second >= kOrphanFor) {
        orphans_.erase(it);
        withdraw(row.live.stream_id, session);
    }
}

void Hosts::forget_audience(const Id &host) {
    for (auto &[stream, names] : audience_) {
        auto it = names.find(host.view());
        if (it != names.end()) {
            names.erase(it);
            show_audience(stream);
        }
    }
}

void Hosts::show_audience(const std::string &stream) {
    int32_t n = 0;
    auto it = audience_.find(stream);
    if (it != audience_.end()) {
        for (const auto &[host, viewers] : it->second) {
            n += viewers;
        }
    }
    sessions_.table().audience(Id(stream), n, loop_.wall());
}

rt::Task<void> Hosts::read_audience(bool all) {
    WallMs now = loop_.wall();
    all = all || audience_since_ == 0;
    std::map<std::string, Names> fresh;
    store::LivePlace after;
    after.at = all ? 0 : audience_since_ - store::kOverlap;
    for (bool more = true; more;) {
        auto page = all ? store_.live().all_counted(after)
                        : store_.live().counted(after);
        auto rows = co_await std::move(page);
        sound(rows.ok());
        if (!rows) {
            co_return;
        }
        for (const store::Audience &a : *rows) {
            if (!(a.host == self())) {
                fresh[a.stream.str()][a.host.str()] = a.viewers;
            } else if (a.viewers > 0) { // said by who led here before
                counted_.try_emplace(a.stream.str(), a.viewers);
            }
        }
        more = rows->size() >= store::LiveMap::kPage;
        if (more) {
            after = {rows->back().at, rows->back().stream, rows->back().host};
        }
    }
    audience_since_ = now;
    show_audience(std::move(fresh), all);
}

// `fresh` is all there is, or what changed.
void Hosts::show_audience(std::map<std::string, Names> fresh, bool all) {
    std::set<std::string> touched;
    if (all) {
        audience_.clear();
        zone_.live().each(loop_.wall(),
                          [&](const Id &stream, const LiveRecord &r) {
                              if (r.elsewhere != 0) {
                                  touched.insert(stream.str());
                              }
                          });
    }
    for (const auto &[stream, names] : fresh) {
        for (const auto &[host, viewers] : names) {
            int32_t &n = audience_[stream][host];
            if (n != viewers || all) {
                n = viewers;
                touched.insert(stream);
            }
        }
    }
    for (const std::string &stream : touched) {
        show_audience(stream);
    }
}

// For a host that was not there when they were made.
rt::Task<void> Hosts::read_bans() {
    store::Ban last;
    for (bool more = true; more;) {
        auto page = store_.bans().all(last.place, last.who);
        auto rows = co_await std::move(page);
        if (!rows) {
            co_return;
        }
        for (const store::Ban &ban : *rows) {
            keep_out(zone_, ban, loop_.now(), ban.ends_at - loop_.wall());
        }
        more = rows->size() >= store::Bans::kPage;
        if (more) {
            last = std::move(rows->back());
        }
    }
}

} // namespace ks::gate
