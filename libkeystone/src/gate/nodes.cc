#include "gate/nodes.h"

#include "base/counted.h"
#include "rt/wait.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ks::gate {

using model::EndReason;
using model::Session;
using model::SessionState;

namespace {

constexpr Millis kTick = 100;
constexpr Millis kProbeEvery = 1000;
constexpr Millis kCompareEvery = 4000; // hooks that never came: < 10 s
constexpr Millis kWantedEvery = 1000;
constexpr Millis kLoseEvery = 1000;
constexpr Millis kWishesEvery = 1000;
// A node whose process is gone takes its sessions with it; one that only does
// not answer may still move media for a while.
constexpr Millis kDeadAfter = 5 * kSecond;
constexpr Millis kSilentAfter = kMinute;

} // namespace

Nodes::Nodes(const conf::Config &config, store::Store &store, zone::Zone &zone,
             Sessions &sessions, Upstream &upstream, rt::Loop &loop)
    : store_(store), zone_(zone), sessions_(sessions), upstream_(upstream),
      loop_(loop) {
    for (const conf::SrsNode &node : config.srs_nodes) {
        watches_.try_emplace(node.name);
    }
}

void Nodes::start() {
    if (!watches_.empty()) {
        loop_.spawn(tick());
    }
}

bool Nodes::leads() { return sessions_.leads(); }

rt::Task<void> Nodes::tick() {
    // Before anything else is known of them, and by every worker: it is cheap.
    for (auto &[name, watch] : watches_) {
        watch.probing = true;
        loop_.spawn(run_probe(name));
    }
    for (;;) {
        co_await rt::sleep_for(kTick, rt::Hold::none);
        // Among several hosts nobody else does it while this one drains.
        bool rests = loop_.draining() && sessions_.hosts() == nullptr;
        if (rests || !leads()) {
            continue;
        }
        Millis now = loop_.now();
        if (now >= wishes_at_ && !reading_wishes_) {
            wishes_at_ = now + kWishesEvery;
            reading_wishes_ = true;
            loop_.spawn(run_wishes());
        }
        if (now >= orphans_at_) {
            orphans_at_ = now + kCompareEvery;
            settle_orphans();
        }
        for (auto &[name, watch] : watches_) {
            if (now >= watch.probe_at && !watch.probing) {
                watch.probe_at = now + kProbeEvery;
                watch.probing = true;
                loop_.spawn(run_probe(name));
            }
            auto node = zone_.nodes().find(name);
            if (!node || !node->is_srs) {
                continue;
            }
            if (node->state == zone::NodeState::down) {
                if (now >= watch.lose_at) {
                    watch.lose_at = now + kLoseEvery;
                    lose(name);
                }
                continue;
            }
            bool due = now >= watch.compare_at ||
                       (node->wanted && now >= watch.wanted_at);
            if (due && !watch.comparing) {
                watch.wanted_at = now + kWantedEvery;
                watch.compare_at = now + kCompareEvery;
                watch.comparing = true;
                loop_.spawn(run_compare(name));
            }
            if (now >= watch.media_at && !watch.looking) {
                watch.media_at = now + kMediaEvery;
                watch.looking = true;
                loop_.spawn(run_media(name));
            }
        }
    }
}

rt::Task<void> Nodes::run_probe(std::string node) {
    Flagged inside(watches_.find(node)->second.probing);
    auto work = probe(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_compare(std::string node) {
    Flagged inside(watches_.find(node)->second.comparing);
    auto work = compare(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_media(std::string node) {
    Flagged inside(watches_.find(node)->second.looking);
    auto work = look_for_media(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_wishes() {
    Flagged inside(reading_wishes_);
    // Among several hosts each session has one that goes on with it.
    bool alone = sessions_.hosts() == nullptr;
    if (alone && (recover_again_ || zone_.claim_recovery())) {
        auto again = recover();
        bool done = co_await std::move(again);
        recover_again_ = !done;
        // Who went with the nginx of before is in nobody's way for long.
        for (auto &[name, watch] : watches_) {
            watch.compare_at = 0;
        }
    }
    auto work = read_wishes();
    co_await std::move(work);
}

rt::Task<void> Nodes::read_wishes() {
    auto wishes = co_await store_.nodes().list();
    if (!wishes) {
        co_return;
    }
    std::map<std::string, bool, std::less<>> drained;
    for (const store::NodeWish &wish : *wishes) {
        drained[wish.name] = wish.drained_at > 0;
    }
    for (const auto &[name, watch] : watches_) {
        auto it = drained.find(name);
        bool drain = it != drained.end() && it->second;
        if (zone_.nodes().drain(name, drain, loop_.wall())) {
            loop_.log(rt::LogLevel::notice,
                      "node " + name +
                          (drain ? " is drained: it keeps its streams and "
                                   "takes no new one"
                                 : " takes new streams again"));
        }
    }
}

void Nodes::answered(const std::string &node, const srs::Identity &from) {
    auto before =
        zone_.nodes().answered(node, from.server, from.service, loop_.wall());
    if (before == zone::NodeState::down) {
        loop_.log(rt::LogLevel::notice, "node " + node + " answers again");
    }
}

void Nodes::failed(const std::string &node, const Error &why) {
    if (why.code == Code::overloaded || why.code == Code::internal) {
        return; // that is us
    }
    bool refused = why.code == Code::upstream_unavailable;
    auto before = zone_.nodes().failed(node, refused, loop_.wall());
    auto after = zone_.nodes().find(node);
    if (before != zone::NodeState::down && after &&
        after->state == zone::NodeState::down) {
        loop_.log(rt::LogLevel::err, "node " + node +
                                         " is down: " + why.detail +
                                         "; new streams go to others");
    }
}

rt::Task<void> Nodes::probe(std::string node) {
    const srs::Api *api = upstream_.api(node);
    auto identity = co_await api->versions();
    if (identity) {
        answered(node, *identity);
        co_return;
    }
    auto known = zone_.nodes().find(node);
    bool talks = identity.error().code == Code::upstream_error;
    if (talks && (!known || !known->is_srs)) {
        // It is there and no SRS, or a proxy before one: its traffic tells.
        zone_.nodes().answered(node, "", "", loop_.wall());
        co_return;
    }
    failed(node, identity.error());
}

// Its process is gone, or has said nothing for long: so are its sessions.
void Nodes::lose(const std::string &node) {
    auto known = zone_.nodes().find(node);
    WallMs now = loop_.wall();
    if (!known || now - known->changed_at < kDeadAfter) {
        return;
    }
    bool refused = known->refused;
    if (!refused && now - known->changed_at < kSilentAfter) {
        return;
    }
    std::vector<Id> gone;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.node == node && s.at_node() && s.host.empty() &&
            s.state != SessionState::closed) {
            gone.push_back(s.id);
        }
    });
    for (const Id &id : gone) {
        sessions_.table().close(id, EndReason::upstream, now);
    }
    if (!gone.empty()) {
        loop_.log(rt::LogLevel::warn, "sessions ended with node " + node +
                                          ": " + std::to_string(gone.size()));
    }
}

// A node that the configuration names no more, or by another name.
void Nodes::settle_orphans() {
    WallMs now = loop_.wall();
    std::vector<Session> orphans;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.at_node() && s.host.empty() && s.state != SessionState::closed &&
            watches_.find(s.node.view()) == watches_.end()) {
            orphans.push_back(s);
        }
    });
    if (orphans.empty()) {
        return;
    }
    std::vector<zone::Node> nodes;
    for (const zone::Node &node : zone_.nodes().all()) {
        if (watches_.find(node.name.view()) != watches_.end()) {
            nodes.push_back(node);
        }
    }
    bool all_asked = nodes.size() == watches_.size(); // who may have it
    size_t ended = 0;
    for (const Session &s : orphans) {
        auto now_at = std::find_if(
            nodes.begin(), nodes.end(), [&](const zone::Node &node) {
                return !s.srs_service.empty() &&
                       node.service_id == s.srs_service.view();
            });
        if (now_at != nodes.end()) {
            sessions_.table().rehome(s.id, now_at->name.view(), now);
        } else if (all_asked) {
            ended += sessions_.table().close(s.id, EndReason::upstream, now);
        }
    }
    if (ended > 0) {
        loop_.log(rt::LogLevel::warn,
                  "sessions ended, as no srs_node has the name that theirs "
                  "had: " +
                      std::to_string(ended));
    }
}

} // namespace ks::gate
