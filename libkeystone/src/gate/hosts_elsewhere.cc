// Sessions of other hosts: any request about one may come here.
#include "gate/hosts.h"

#include "base/counted.h"
#include "gate/bans.h"
#include "rt/wait.h"

#include <algorithm>
#include <utility>

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Session;
using model::SessionState;
using store::ChangeKind;

namespace {

// Nobody here knows the session: without an answer it does not exist.
constexpr Millis kLookFor = kSecond;
// A media server waits for the answer, or a player: a database that hangs
// keeps them no longer than this from what is known.
constexpr Millis kAskFor = 300;
constexpr Millis kTellFor = 2 * kSecond;
// By so much may the clocks of hosts differ.
constexpr Millis kClocks = 2 * kSecond;

} // namespace

rt::Task<std::optional<Session>> Hosts::look_up(Id session) {
    std::optional<Session> found;
    auto work = store_.sessions().by_id(session);
    auto row = co_await rt::within(std::move(work), kLookFor,
                                   Code::store_unavailable, "");
    if (row && !row->ends() && !row->host.empty() && !(row->host == self())) {
        sessions_.table().import(*row, loop_.wall());
        found = std::move(*row);
    }
    co_return found;
}

rt::Task<std::optional<Session>>
Hosts::look_up(std::string node, std::string service, std::string client) {
    std::optional<Session> found;
    auto work = store_.sessions().by_client(std::move(node), std::move(service),
                                            std::move(client));
    auto rows = co_await rt::within(std::move(work), kAskFor,
                                    Code::store_unavailable, "");
    if (rows && !rows->empty() && !(rows->front().host == self())) {
        found = std::move(rows->front());
    }
    co_return found;
}

rt::Task<bool> Hosts::link(Id session, std::string service, std::string client,
                           std::string stream) {
    auto linked = co_await store_.sessions().link(
        session, std::move(service), std::move(client), std::move(stream));
    co_return linked.ok() && *linked;
}

void Hosts::end(const Session &session, EndReason reason) {
    sessions_.table().close(session.id, reason, loop_.wall());
    loop_.spawn(send_end(session.id, reason));
}

rt::Task<Result<void>> Hosts::end_surely(Session session, EndReason reason) {
    Id id = session.id;
    auto work = store_.sessions().tell_end(id, reason);
    auto told = co_await rt::within(std::move(work), kTellFor,
                                    Code::store_unavailable, "");
    if (!told) {
        co_return Error(Code::store_unavailable,
                        "The host that has this session could not be told. "
                        "Try again.",
                        1);
    }
    sessions_.table().close(id, reason, loop_.wall());
    co_return Result<void>();
}

rt::Task<void> Hosts::send_end(Id session, EndReason reason) {
    auto sent = co_await store_.sessions().tell_end(session, reason);
    if (!sent) {
        loop_.log(rt::LogLevel::warn,
                  "the end of session " + session.str() +
                      " did not reach its host: " + sent.error().detail);
    }
}

rt::Task<void> Hosts::show(Id session) {
    auto known = sessions_.table().find(session, loop_.wall());
    if (!known || !known->host.empty()) {
        co_return;
    }
    known->host = self();
    std::vector<Session> rows;
    rows.push_back(std::move(*known));
    auto work = store_.sessions().write(std::move(rows));
    auto written = co_await rt::within(std::move(work), kAskFor,
                                       Code::store_unavailable, "");
    (void)written; // it is written behind, too
}

rt::Task<void> Hosts::share(store::FeedRow feed) {
    auto added = co_await store_.feeds().add(feed);
    (void)added; // then it is read here only
}

rt::Task<void> Hosts::unshare(Id feed) {
    auto removed = co_await store_.feeds().remove(feed);
    (void)removed; // it ends with its session
}

rt::Task<std::optional<store::FeedRow>> Hosts::feed(Id feed) {
    std::optional<store::FeedRow> found;
    if (asking_ >= kMaxAsking) {
        co_return found;
    }
    Counted inside(asking_);
    auto work = store_.feeds().by_id(feed);
    auto row = co_await rt::within(std::move(work), kTellFor,
                                   Code::store_unavailable, "");
    if (row) {
        Id session = row->session;
        if (!sessions_.table().find(session, loop_.wall())) {
            co_await look_up(session);
        }
        found = std::move(*row);
    }
    co_return found;
}

void Hosts::heard(const store::Change &change) {
    WallMs now = loop_.wall();
    if (change.kind == ChangeKind::banned) {
        auto ban = store::Bans::heard(change);
        if (ban) {
            hear_ban(*ban);
        }
        return;
    }
    auto session = sessions_.table().find(change.session_id, now);
    if (!session || session->state == SessionState::closed) {
        return;
    }
    bool ours = session->host.empty();
    if (change.kind == ChangeKind::session_ended) {
        auto reason = model::parse_end_reason(change.detail);
        EndReason why = reason.value_or(EndReason::kicked);
        if (ours) {
            sessions_.end_session(session->id, why);
        } else { // which this host may inherit
            sessions_.table().close(session->id, why, now);
        }
    } else if (!ours) {
        return;
    } else if (change.kind == ChangeKind::session_linked) {
        std::string_view text = change.detail;
        size_t one = text.find(' ');
        size_t two = text.find(' ', one + 1);
        if (one == std::string_view::npos || two == std::string_view::npos) {
            return;
        }
        bool claimed = sessions_.table().claim(
            session->id, text.substr(0, one),
            text.substr(one + 1, two - one - 1), text.substr(two + 1), now);
        // As the hook itself does: a player's media come at once.
        if (claimed && session->action == Action::play &&
            session->active_at == 0) {
            sessions_.table().media(session->id, 0, 0, now);
        }
    }
}

// An encoder that was kicked at its host may have come here before this host
// knew, or after read_bans(), which ends nobody.
void Hosts::hear_ban(const store::Ban &ban) {
    WallMs now = loop_.wall();
    if (ban.ends_at <= now) {
        return;
    }
    keep_out(zone_, ban, loop_.now(), ban.ends_at - now);
    std::vector<Id> ids;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.host.empty() && s.state != SessionState::closed &&
            s.started_at > ban.made_at - kClocks && is_banned_by(ban, s)) {
            ids.push_back(s.id);
        }
    });
    for (const Id &id : ids) {
        sessions_.end_session(id, EndReason::kicked);
    }
}

// Replicas of viewers' sessions, of which only the store tells.
rt::Task<void> Hosts::refresh() {
    Flagged inside(refreshing_);
    std::vector<Id> ids;
    sessions_.table().each(loop_.wall(), [&](const Session &s) {
        if (!s.host.empty() && s.state != SessionState::closed &&
            s.action == Action::play) {
            ids.push_back(s.id);
        }
    });
    while (!ids.empty()) {
        size_t n = std::min(ids.size(), store::Sessions::kMaxIds);
        std::vector<Id> some(ids.end() - static_cast<std::ptrdiff_t>(n),
                             ids.end());
        ids.resize(ids.size() - n);
        std::vector<Id> wanted = some;
        auto rows = co_await store_.sessions().by_ids(std::move(wanted));
        if (!rows) {
            co_return;
        }
        WallMs now = loop_.wall();
        auto close = [&](const Id &id, EndReason reason) {
            auto known = sessions_.table().find(id, now);
            if (known && !known->host.empty()) { // not this host's by now
                sessions_.table().close(id, reason, now);
            }
        };
        for (const Session &row : *rows) {
            std::erase(some, row.id);
            if (row.ends()) {
                close(row.id, row.end_reason);
            } else if (!(row.host == self())) {
                sessions_.table().import(row, now);
            }
        }
        for (const Id &id : some) {
            close(id, EndReason::upstream);
        }
    }
}

} // namespace ks::gate
