#include "gate/nodes.h"

#include "rt/wait.h"

#include <vector>

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Protocol;
using model::Session;
using model::SessionState;

namespace {

constexpr Millis kTick = 100;
constexpr Millis kProbeEvery = 1000;
constexpr Millis kCompareEvery = 4000; // hooks that never came: < 10 s
constexpr Millis kMediaEvery = 300;
constexpr Millis kWishesEvery = 1000;
// A node whose process is gone takes its sessions with it; one that only does
// not answer may still move media for a while.
constexpr Millis kDeadAfter = 5 * kSecond;
constexpr Millis kSilentAfter = kMinute;
// For viewers to go by themselves when their stream has moved (the event
// `reconnect`).
constexpr Millis kMoveGrace = 3 * kSecond;
constexpr Millis kRecoverSince = 5 * kMinute;
constexpr int64_t kRecoverRows = 20000;
constexpr size_t kMediaAtOnce = 64;

bool is_remote_on(const Session &s, std::string_view node) {
    return s.node == node && s.owner_pid == 0;
}

// What SRS calls a session of this kind.
bool is_type(const Session &s, std::string_view type) {
    switch (s.protocol) {
    case Protocol::whip:
        return type == "rtc-publish";
    case Protocol::whep:
        return type == "rtc-play";
    case Protocol::srt:
        return type ==
               (s.action == Action::publish ? "srt-publish" : "srt-play");
    case Protocol::flv:
        return type == "flv-play";
    case Protocol::rtmp:
        return s.action == Action::publish ? type.ends_with("-publish")
                                           : type == "rtmp-play";
    case Protocol::hls:
        return false;
    }
    return false;
}

// "/live/str_..." of the default vhost; empty: it is none of ours.
std::string_view stream_of(std::string_view url) {
    constexpr std::string_view kApp = "/live/";
    if (!url.starts_with(kApp)) {
        return {};
    }
    std::string_view name = url.substr(kApp.size());
    return is_id(prefix::kStream, name) ? name : std::string_view();
}

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
        if (loop_.draining() || !leads()) {
            continue;
        }
        Millis now = loop_.now();
        if (now >= wishes_at_ && !reading_wishes_) {
            wishes_at_ = now + kWishesEvery;
            reading_wishes_ = true;
            loop_.spawn(run_wishes());
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
                lose(name);
                continue;
            }
            bool due = now >= watch.compare_at || node->wanted;
            if (due && !watch.comparing) {
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
    Watch &watch = watches_.find(node)->second;
    auto work = probe(std::move(node));
    co_await std::move(work);
    watch.probing = false;
}

rt::Task<void> Nodes::run_compare(std::string node) {
    Watch &watch = watches_.find(node)->second;
    auto work = compare(std::move(node));
    co_await std::move(work);
    watch.comparing = false;
}

rt::Task<void> Nodes::run_media(std::string node) {
    Watch &watch = watches_.find(node)->second;
    auto work = look_for_media(std::move(node));
    co_await std::move(work);
    watch.looking = false;
}

rt::Task<void> Nodes::run_wishes() {
    if (zone_.claim_recovery()) {
        auto work = recover();
        co_await std::move(work);
        // Who went with the nginx of before is in nobody's way for long.
        for (auto &[name, watch] : watches_) {
            watch.compare_at = 0;
        }
    }
    auto work = read_wishes();
    co_await std::move(work);
    reading_wishes_ = false;
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
    std::vector<Id> gone;
    sessions_.table().each(now, [&](const Session &s) {
        if (is_remote_on(s, node) && s.state != SessionState::closed &&
            (refused || now - known->changed_at >= kSilentAfter)) {
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

// Our sessions on a node against the clients it has.
rt::Task<void> Nodes::compare(std::string node) {
    const srs::Api *api = upstream_.api(node);
    WallMs asked = loop_.wall();
    auto clients = co_await api->clients();
    if (!clients) {
        failed(node, clients.error());
        co_return;
    }
    answered(node, clients->from);
    const std::string &service = clients->from.service;
    WallMs now = loop_.wall();
    zone_.nodes().listed(node, static_cast<int32_t>(clients->rows.size()), now);

    std::map<std::string_view, const srs::Client *> there;
    for (const srs::Client &c : clients->rows) {
        there[c.id] = &c;
    }
    std::vector<Session> ours;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.node == node) {
            ours.push_back(s);
        }
    });
    std::vector<const Session *> unlinked;
    for (const Session &s : ours) {
        bool closed = s.state == SessionState::closed;
        bool linked = !s.srs_client.empty();
        bool other_run = linked && !(s.srs_service == service);
        auto it = there.find(s.srs_client.view());
        bool listed = linked && !other_run && it != there.end();
        const srs::Client *client = listed ? it->second : nullptr;
        if (listed) {
            there.erase(it);
        }
        if (s.owner_pid != 0) {
            // A relay: its publisher is at nginx, and it comes again.
            if (linked && !listed && s.linked_at < asked) {
                sessions_.table().unlink(s.id, now);
            }
        } else if (closed && listed) {
            upstream_.end_later(s); // our word did not reach it
        } else if (closed) {
            continue;
        } else if (listed) {
            bool waits = s.state == SessionState::connecting;
            if (!waits || client->recv_bytes > 0) {
                sessions_.table().media(s.id, client->recv_bytes,
                                        client->send_bytes, now);
            }
        } else if (other_run || (linked && s.linked_at < asked)) {
            sessions_.table().close(s.id, EndReason::upstream, now);
        } else if (!linked) {
            unlinked.push_back(&s);
        }
    }

    send_after(ours, now);

    // Whose hook never came: a client and a session of the same stream, kind
    // and address belong together.
    Watch &watch = watches_.find(node)->second;
    std::set<std::string> strangers;
    auto known = zone_.nodes().find(node);
    bool hooked = known && known->hooked;
    for (const auto &[id, client] : there) {
        std::string_view stream = stream_of(client->url);
        if (stream.empty()) {
            continue;
        }
        const Session *match = nullptr;
        for (const Session *&s : unlinked) {
            if (s != nullptr && s->stream_id == stream &&
                is_type(*s, client->type) &&
                (s->action == Action::publish || s->client_ip == client->ip)) {
                match = std::exchange(s, nullptr);
                break;
            }
        }
        if (match != nullptr) {
            sessions_.table().link(match->id, service, id, "", now);
            continue;
        }
        // One of a stream of ours that nobody let in; twice, because a hook may
        // be on its way.  Without hooks SRS lets in whom it likes.
        if (!hooked) {
            continue;
        }
        if (watch.strangers.count(std::string(id)) != 0) {
            loop_.log(rt::LogLevel::notice,
                      "client " + std::string(id) + " of node " + node +
                          " has no session (" + client->type +
                          "): it is ended");
            upstream_.kick_later(node, id);
        }
        strangers.emplace(id);
    }
    watch.strangers = std::move(strangers);
    // A session that no client ever came for; it has had its time.
    for (const Session *s : unlinked) {
        if (s != nullptr && s->state == SessionState::active &&
            asked - s->started_at > 30 * kSecond) {
            sessions_.table().close(s->id, EndReason::timeout, now);
        }
    }
}

// Players of a stream whose publisher is at another node by now would wait for
// media for ever.
void Nodes::send_after(const std::vector<Session> &ours, WallMs now) {
    for (const Session &s : ours) {
        if (s.action != Action::play || s.owner_pid != 0 ||
            s.state == SessionState::closed) {
            continue;
        }
        auto live = sessions_.table().find_live(s.stream_id, now);
        if (live && !live->publisher.empty() && !(live->node == s.node) &&
            now - live->started_at > kMoveGrace) {
            sessions_.end_session(s.id, EndReason::upstream);
        }
    }
}

// Publishers that were let in and have not been seen to send anything.
rt::Task<void> Nodes::look_for_media(std::string node) {
    const srs::Api *api = upstream_.api(node);
    WallMs now = loop_.wall();
    std::vector<Session> waiting;
    sessions_.table().each(now, [&](const Session &s) {
        if (is_remote_on(s, node) && s.action == Action::publish &&
            s.state == SessionState::connecting &&
            waiting.size() < kMediaAtOnce) {
            waiting.push_back(s);
        }
    });
    auto saw = [&](const Session &s, const srs::Stream &stream) {
        if (stream.publisher.empty() ||
            stream_of(stream.url) != s.stream_id.view()) {
            return;
        }
        if (s.srs_client == stream.publisher) {
            sessions_.table().media(s.id, stream.recv_bytes, 0, loop_.wall());
        }
    };
    bool unknown = false;
    for (const Session &s : waiting) {
        if (s.srs_stream.empty()) {
            unknown = true;
            continue;
        }
        std::string id = s.srs_stream.str();
        auto found = co_await api->stream(std::move(id));
        if (found && !found->rows.empty()) {
            saw(s, found->rows[0]);
        }
    }
    if (!unknown) {
        co_return;
    }
    // Without hooks the node's own list tells who publishes.
    auto all = co_await api->streams();
    if (!all) {
        co_return;
    }
    now = loop_.wall();
    for (Session &s : waiting) {
        for (const srs::Stream &stream : all->rows) {
            if (!s.srs_stream.empty() ||
                stream_of(stream.url) != s.stream_id.view() ||
                stream.publisher.empty()) {
                continue;
            }
            auto owner = sessions_.table().linked(node, all->from.service,
                                                  stream.publisher, now);
            if (!owner) {
                sessions_.table().link(s.id, all->from.service,
                                       stream.publisher, stream.id, now);
                s.srs_client.assign(stream.publisher);
            }
            saw(s, stream);
        }
    }
}

// An nginx with an empty memory: what the nodes have goes on.
rt::Task<void> Nodes::recover() {
    WallMs now = loop_.wall();
    auto rows =
        co_await store_.sessions().on_nodes(now - kRecoverSince, kRecoverRows);
    if (!rows) {
        loop_.log(rt::LogLevel::warn, "the sessions of before are not known: " +
                                          rows.error().detail);
        co_return;
    }
    size_t n = 0;
    for (Session &s : *rows) {
        if (upstream_.api(s.node.view()) == nullptr) {
            continue;
        }
        Id stream = s.stream_id;
        auto facts = co_await store_.streams().facts(stream);
        if (facts && facts->exists && facts->enabled) {
            s.owner_pid = 0;
            n += sessions_.table().restore(s, *facts, loop_.wall()) ? 1 : 0;
        }
    }
    if (n > 0) {
        loop_.log(rt::LogLevel::notice,
                  "sessions found again: " + std::to_string(n));
    }
}

} // namespace ks::gate
