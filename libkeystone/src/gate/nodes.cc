#include "gate/nodes.h"

#include "rt/wait.h"

#include <algorithm>
#include <utility>
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
constexpr Millis kWantedEvery = 1000;
constexpr Millis kMediaEvery = 300;
constexpr Millis kLoseEvery = 1000;
// From SRS's question to the client in its list: a player's is there only
// after the answer.  Also more than the clocks of two workers differ by.
constexpr Millis kSettle = 2 * kSecond;
// A client that nobody let in: its hook may be on its way, and wait here for
// the one that it replaces.
constexpr Millis kStrangerFor = 3500;
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

// However it ends: else it would never be done again.
struct Done {
    bool &flag;
    ~Done() { flag = false; }
};

// What SRS calls a session of this kind.
template <class S> bool is_type(const S &s, std::string_view type) {
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

// Of a session, what a look at its node needs: there may be ten thousand.
struct Nodes::Ours {
    explicit Ours(const Session &s)
        : id(s.id), stream_id(s.stream_id), action(s.action),
          protocol(s.protocol), state(s.state), client_ip(s.client_ip),
          srs_client(s.srs_client), srs_service(s.srs_service),
          started_at(s.started_at), linked_at(s.linked_at),
          held(s.owner_pid != 0), answered(!s.upstream_resource.empty()) {}

    Id id;
    Id stream_id;
    Action action;
    Protocol protocol;
    SessionState state;
    Fixed<45> client_ip;
    Fixed<15> srs_client;
    Fixed<15> srs_service;
    WallMs started_at;
    WallMs linked_at;
    bool held;     // by a worker
    bool answered; // WHIP, WHEP: the node has said where it is
};

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
    Done done{watches_.find(node)->second.probing};
    auto work = probe(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_compare(std::string node) {
    Done done{watches_.find(node)->second.comparing};
    auto work = compare(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_media(std::string node) {
    Done done{watches_.find(node)->second.looking};
    auto work = look_for_media(std::move(node));
    co_await std::move(work);
}

rt::Task<void> Nodes::run_wishes() {
    Done finished{reading_wishes_};
    if (recover_again_ || zone_.claim_recovery()) {
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
        if (is_remote_on(s, node) && s.state != SessionState::closed) {
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
    std::vector<Ours> ours;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.node == node) {
            ours.emplace_back(s);
        }
    });
    std::vector<const Ours *> unlinked;
    for (const Ours &s : ours) {
        bool closed = s.state == SessionState::closed;
        bool linked = !s.srs_client.empty();
        bool other_run = linked && !(s.srs_service == service);
        // who is not in a whole list, and would be by now, is gone
        bool settled =
            linked && clients->whole && s.linked_at + kSettle < asked;
        auto it = there.find(s.srs_client.view());
        bool listed = linked && !other_run && it != there.end();
        const srs::Client *client = listed ? it->second : nullptr;
        if (listed) {
            there.erase(it);
        }
        if (s.held) {
            // A relay: its publisher is at nginx, and it comes again.
            if (settled && !listed) {
                sessions_.table().unlink(s.id, now);
            }
        } else if (closed && listed) {
            auto ended = sessions_.table().find(s.id, now);
            if (ended) {
                upstream_.end_later(*ended); // our word did not reach it
            }
        } else if (closed) {
            continue;
        } else if (listed) {
            bool waits = s.state == SessionState::connecting;
            if (!waits || client->recv_bytes > 0) {
                sessions_.table().media(s.id, client->recv_bytes,
                                        client->send_bytes, now);
            }
        } else if (settled) {
            sessions_.table().close(s.id, EndReason::upstream, now);
        } else if (!linked) {
            unlinked.push_back(&s);
        }
    }

    send_after(node, ours, now);

    // Whose hook never came: a client and a session of the same stream, kind
    // and address belong together.
    auto known = zone_.nodes().find(node);
    bool hooked = known && known->hooked;
    std::vector<const srs::Client *> left;
    for (const auto &[id, client] : there) {
        std::string_view stream = stream_of(client->url);
        if (stream.empty()) {
            continue;
        }
        const Ours *match = nullptr;
        for (const Ours *&s : unlinked) {
            // its hook is still to come
            bool asking = s != nullptr && hooked &&
                          s->state == SessionState::connecting && !s->answered;
            if (s != nullptr && !asking && s->stream_id == stream &&
                is_type(*s, client->type) &&
                (s->action == Action::publish || s->client_ip == client->ip)) {
                match = std::exchange(s, nullptr);
                break;
            }
        }
        if (match != nullptr) {
            sessions_.table().link(match->id, service, id, "", now);
        } else {
            left.push_back(client);
        }
    }
    // Of the same stream and kind, if at another address: a proxy may hide it.
    auto alike = [](const Ours &s, const srs::Client &c) {
        return s.stream_id == stream_of(c.url) && is_type(s, c.type);
    };
    // One of a stream of ours that nobody let in.  Without hooks SRS lets in
    // whom it likes.
    Watch &watch = watches_.find(node)->second;
    std::map<std::string, Millis> strangers;
    std::vector<std::string> due;
    for (const srs::Client *client : left) {
        bool waited =
            std::any_of(unlinked.begin(), unlinked.end(), [&](const Ours *s) {
                return s != nullptr && alike(*s, *client);
            });
        if (!hooked || waited) {
            continue;
        }
        auto before = watch.strangers.find(client->id);
        Millis since =
            before != watch.strangers.end() ? before->second : loop_.now();
        strangers.emplace(client->id, since);
        if (loop_.now() - since >= kStrangerFor) {
            due.push_back(client->id);
        }
    }
    watch.strangers = std::move(strangers);
    // A session that no client ever came for; it has had its time.
    for (const Ours *s : unlinked) {
        if (s != nullptr && s->state == SessionState::active &&
            asked - s->started_at > 30 * kSecond &&
            std::none_of(left.begin(), left.end(),
                         [&](const srs::Client *c) { return alike(*s, *c); })) {
            sessions_.table().close(s->id, EndReason::timeout, now);
        }
    }
    if (!due.empty()) {
        auto ended = end_strangers(node, service, std::move(due));
        co_await std::move(ended);
    }
}

// They may be sessions of another nginx at the same store: one that this one
// takes over from, or whose memory it lost before the store could be asked.
rt::Task<void> Nodes::end_strangers(std::string node, std::string service,
                                    std::vector<std::string> clients) {
    auto rows = co_await store_.sessions().on_nodes(
        loop_.wall() - kRecoverSince, kRecoverRows);
    if (!rows) {
        co_return; // nobody is ended on a guess
    }
    for (Session &s : *rows) {
        auto it =
            std::find(clients.begin(), clients.end(), s.srs_client.view());
        if (s.node == node && s.srs_service == service && it != clients.end()) {
            auto work = adopt(std::move(s));
            auto ours = co_await std::move(work);
            if (!ours || *ours) {
                clients.erase(it);
            }
        }
    }
    for (const std::string &id : clients) {
        if (!sessions_.table().linked(node, service, id, loop_.wall())) {
            loop_.log(rt::LogLevel::notice, "client " + id + " of node " +
                                                node +
                                                " has no session: it is ended");
            upstream_.kick_later(node, id);
        }
    }
}

// A node that the configuration names no more, or by another name.
void Nodes::settle_orphans() {
    WallMs now = loop_.wall();
    std::vector<Session> orphans;
    sessions_.table().each(now, [&](const Session &s) {
        if (s.owner_pid == 0 && !s.node.empty() &&
            s.state != SessionState::closed &&
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

// Players of a stream whose publisher is at another node by now would wait for
// media for ever.
void Nodes::send_after(const std::string &node, const std::vector<Ours> &ours,
                       WallMs now) {
    // Whether a stream is elsewhere is asked once for all its players.
    std::map<std::string_view, bool> elsewhere;
    for (const Ours &s : ours) {
        if (s.action != Action::play || s.held ||
            s.state == SessionState::closed) {
            continue;
        }
        auto [it, first] = elsewhere.try_emplace(s.stream_id.view(), false);
        if (first) {
            auto live = sessions_.table().find_live(s.stream_id, now);
            it->second = live && !live->publisher.empty() &&
                         !(live->node == node) &&
                         now - live->started_at > kMoveGrace;
        }
        if (it->second) {
            sessions_.end_session(s.id, EndReason::upstream);
        }
    }
}

// Publishers that were let in and have not been seen to send anything.
rt::Task<void> Nodes::look_for_media(std::string node) {
    const srs::Api *api = upstream_.api(node);
    WallMs now = loop_.wall();
    // By streams, as there may be a thousand viewers to each.
    std::vector<Id> ids;
    sessions_.table().each_live(now, [&](const model::Live &live) {
        if (live.media_at == 0 && !live.publisher.empty() &&
            live.node == node) {
            ids.push_back(live.publisher);
        }
    });
    // All of them have their turn.
    if (ids.size() > kMediaAtOnce) {
        auto first = static_cast<size_t>(loop_.now() / kMediaEvery);
        std::rotate(ids.begin(), ids.begin() + first % ids.size(), ids.end());
    }
    std::vector<Session> waiting;
    for (const Id &id : ids) {
        auto s = sessions_.table().find(id, now);
        if (s && is_remote_on(*s, node) &&
            s->state == SessionState::connecting &&
            waiting.size() < kMediaAtOnce) {
            waiting.push_back(*s);
        }
    }
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
rt::Task<bool> Nodes::recover() {
    WallMs now = loop_.wall();
    auto rows =
        co_await store_.sessions().on_nodes(now - kRecoverSince, kRecoverRows);
    if (!rows) {
        if (!recover_again_) {
            loop_.log(rt::LogLevel::warn,
                      "the sessions of before are not known, asked again: " +
                          rows.error().detail);
        }
        co_return false;
    }
    size_t n = 0;
    for (Session &s : *rows) {
        if (upstream_.api(s.node.view()) != nullptr) {
            auto work = adopt(std::move(s));
            auto ours = co_await std::move(work);
            if (!ours) {
                co_return false;
            }
            n += *ours ? 1 : 0;
        }
    }
    if (n > 0) {
        loop_.log(rt::LogLevel::notice,
                  "sessions found again: " + std::to_string(n));
    }
    co_return true;
}

// Whether it is ours now; error: the store does not tell.
rt::Task<Result<bool>> Nodes::adopt(Session s) {
    Id stream = s.stream_id;
    auto facts = co_await store_.streams().facts(stream);
    if (!facts) {
        co_return std::move(facts.error());
    }
    if (!facts->exists || !facts->enabled) {
        co_return false;
    }
    s.owner_pid = 0;
    co_return sessions_.table().restore(s, *facts, loop_.wall());
}

} // namespace ks::gate
