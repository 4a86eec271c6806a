#include "gate/open.h"

#include "gate/hosts.h"
#include "gate/placement.h"
#include "rt/wait.h"

#include <algorithm>
#include <optional>

namespace ks::gate {

namespace {

// One that lost to another host knows of that by the next round.
constexpr int kRounds = 2;
constexpr int kRoundsAmongHosts = 4;
// A claim is open by then, most likely, or nothing came of it; doubled by each
// round.
constexpr Millis kPendingFor = 50;

model::Session session_for(const Decision &decision, const Applicant &who,
                           rt::Loop &loop) {
    WallMs now = loop.wall();
    model::Session s;
    s.id = make_id(prefix::kSession, loop.entropy());
    s.stream_id = decision.stream.id;
    s.token_id = decision.token.id;
    s.user_id = decision.stream.owner_id;
    s.action = who.action;
    s.protocol = who.protocol;
    s.client_ip.assign(who.client_ip);
    s.user_agent.assign(who.user_agent);
    s.viewer_ref = decision.token.viewer_ref;
    s.node.assign(who.node);
    s.started_at = now;
    s.seen_at = now;
    s.owner_pid = who.owner_pid;
    if (who.action == model::Action::play) {
        s.user_id = Id();
    }
    return s;
}

OpenedSession open(Sessions &sessions, const Decision &decision,
                   const Applicant &who, const model::Session &s, int64_t term,
                   WallMs now) {
    zone::Sessions::Opened opened;
    if (who.action == model::Action::publish) {
        Id replaces;
        if (decision.verdict.replaces) {
            replaces = decision.publisher;
        }
        opened = sessions.table().open_publisher(s, decision.stream, replaces,
                                                 now, term);
    } else {
        opened = sessions.table().open_viewer(s, decision.stream.max_viewers,
                                              who.viewer, now);
    }
    OpenedSession out;
    out.what = opened.what;
    if (opened.ok()) {
        out.session = s.id;
        out.replaced = opened.other;
    } else if (opened.what == zone::Sessions::Open::present) {
        out.session = opened.other;
    }
    return out;
}

// The node of its media; false: there is none, and `out` says so.
bool choose_node(const Arrival &a, const Decision &decision, Admission &out) {
    out.retry_after_s = 5;
    if (!a.at_node.empty()) {
        // Media are where the publisher is, and go to no other node.
        if (a.who.action == model::Action::play &&
            !(decision.node == a.at_node)) {
            out.code = Code::not_live;
            return false;
        }
        out.node.assign(a.at_node);
    } else if (a.nodes != nullptr) {
        zone::Zone &zone = a.sessions.zone();
        out.node.assign(place(*a.nodes, zone, decision, a.who.action));
        // who has a holder plays from this nginx, too
        if (out.node.empty() && a.holder == nullptr) {
            out.elsewhere = !a.nodes->srs_nodes.empty();
            out.code =
                out.elsewhere ? Code::not_live : Code::upstream_unavailable;
            return false;
        }
    }
    out.retry_after_s = decision.verdict.retry_after_s;
    return true;
}

// A claim that comes to nothing, wherever its task ends: who asks may go.
class Claiming {
  public:
    Claiming(Hosts &hosts, const model::Session &session)
        : hosts_(&hosts), stream_(session.stream_id), session_(session.id) {}
    ~Claiming() {
        if (hosts_ != nullptr) {
            hosts_->withdraw(stream_, session_);
        }
    }
    Claiming(const Claiming &) = delete;
    Claiming &operator=(const Claiming &) = delete;
    void settled() { hosts_ = nullptr; }

  private:
    Hosts *hosts_;
    Id stream_;
    Id session_;
};

// Among all hosts.  `last`: this host's last claim.  One that is pending is waited
// for in the first rounds; in the last one it stands in nobody's way.
rt::Task<bool> claim_again(Hosts &hosts, const Decision &decision,
                           const model::Session &session, Hosts::Claim &last,
                           int round) {
    model::Session applicant = session;
    int64_t seen = std::max(last.term, decision.term);
    int32_t window = decision.stream.reconnect_window_seconds;
    auto claim = co_await hosts.claim(std::move(applicant), window, seen);
    // Lost to a claim of this host's, its zone knows better who is there: what
    // is over may not have been told yet.
    if (claim.won || claim.ours) {
        last = claim;
    } else if (claim.pending) {
        Millis pause = kPendingFor << round;
        co_await rt::sleep_for(pause);
        last.term = round + 2 < kRoundsAmongHosts ? last.term : claim.term;
    }
    co_return claim.won;
}

} // namespace

OpenedSession open_session(Sessions &sessions, const Decision &decision,
                           const Applicant &who, rt::Loop &loop) {
    model::Session s = session_for(decision, who, loop);
    return open(sessions, decision, who, s, 0, loop.wall());
}

rt::Task<Admission> admit(Arrival a) {
    Admission out;
    bool counted = false;
    // The second round is for who lost a race, and decides on what is there
    // then; a third would be somebody else's game.
    Hosts *hosts = a.sessions.hosts();
    int rounds = hosts != nullptr ? kRoundsAmongHosts : kRounds;
    Hosts::Claim claim;
    for (int round = 0; round < rounds; round++) {
        auto decision = co_await a.access.authorize(a.question);
        out.stream = decision.stream.id;
        out.code = decision.verdict.code;
        out.retry_after_s = decision.verdict.retry_after_s;
        if (!decision.allowed()) {
            co_return out;
        }
        if (!choose_node(a, decision, out)) {
            co_return out;
        }
        a.who.node = out.node.view();
        // A use is spent by success; but who is going to replace somebody pays
        // first, so that nobody has to go for one who is then refused.
        if (decision.verdict.replaces && !counted) {
            auto spent = co_await a.access.spend(decision.token);
            if (!spent) {
                out.code = spent.error().code;
                co_return out;
            }
            counted = true;
            out.spent = decision.token;
        }
        model::Session session = session_for(decision, a.who, a.loop);
        bool claims =
            hosts != nullptr && a.who.action == model::Action::publish;
        std::optional<Claiming> claiming;
        if (claims) {
            claiming.emplace(*hosts, session);
            bool won =
                co_await claim_again(*hosts, decision, session, claim, round);
            if (!won) {
                claiming->settled();
                continue;
            }
        }
        auto still = co_await a.access.confirm(a.question);
        if (!still.allowed()) {
            out.code = still.code;
            out.retry_after_s = still.retry_after_s;
            co_return out;
        }
        auto opened = open(a.sessions, decision, a.who, session, claim.term,
                           a.loop.wall());
        if (claims && opened.ok()) {
            claiming->settled();
            hosts->opened(session, claim);
        }
        if (opened.what == zone::Sessions::Open::busy) {
            continue;
        }
        if (!opened.ok()) {
            out.code = opened.what == zone::Sessions::Open::limit
                           ? Code::viewer_limit
                           : Code::overloaded;
            out.retry_after_s = 5;
            co_return out;
        }
        a.session = opened.session;
        if (a.holder != nullptr) {
            a.sessions.hold(a.session, *a.holder);
        }
        if (!opened.replaced.empty()) {
            auto gone = co_await a.sessions.gone(opened.replaced);
            if (!gone) {
                a.loop.log(rt::LogLevel::warn,
                           "a replaced publisher's connection does not go");
            }
        }
        // What the node asks of it may be asked of another host.
        if (hosts != nullptr && !claims && !a.who.node.empty()) {
            co_await hosts->show(a.session);
        }
        if (!counted) {
            auto spent = co_await a.access.spend(decision.token);
            if (spent) {
                out.spent = decision.token;
            } else {
                out.code = spent.error().code;
            }
        }
        co_return out;
    }
    out.code = Code::already_publishing;
    out.retry_after_s = 5;
    co_return out;
}

} // namespace ks::gate
