// Our sessions on a node against the clients it has: what hooks did not tell.
#include "gate/nodes.h"

#include "gate/hosts.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Protocol;
using model::Session;
using model::SessionState;

namespace {

// From SRS's question to the client in its list: a player's is there only
// after the answer.  Also more than the clocks of two workers differ by.
constexpr Millis kSettle = 2 * kSecond;
// A client that nobody let in: its hook may be on its way, and wait here for
// the one that it replaces.
constexpr Millis kStrangerFor = 3500;
// For viewers to go by themselves when their stream has moved (the event
// `reconnect`).
constexpr Millis kMoveGrace = 3 * kSecond;
// For all hosts to have written what they let in while the store was away.
constexpr Millis kSoundFor = 15 * kSecond;
// A session that no client ever came for has had its time.
constexpr Millis kUnclaimed = 30 * kSecond;

} // namespace

// Of a session, what a look at its node needs: there may be ten thousand.
struct Nodes::Ours {
    Ours(const Session &s, WallMs now)
        : id(s.id), stream_id(s.stream_id), action(s.action),
          protocol(s.protocol), state(s.state), client_ip(s.client_ip),
          srs_client(s.srs_client), srs_service(s.srs_service),
          started_at(s.started_at), linked_at(s.linked_at),
          held(s.owner_pid != 0), answered(is_answered(s, now)) {}

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
    bool answered; // WHIP, WHEP: see is_answered()
};

// Of the same stream and kind.
bool Nodes::alike(const Ours &s, const srs::Client &c) {
    return s.stream_id == srs::stream_of(c.url) &&
           srs::is_type(c.type, s.protocol, s.action);
}

struct Nodes::Look {
    Look(std::string of, const srs::Clients &list, WallMs began, WallMs ended)
        : node(std::move(of)), clients(list), asked(began), now(ended) {
        for (const srs::Client &c : list.rows) {
            there[c.id] = &c;
        }
    }

    std::string node;
    const srs::Clients &clients;
    WallMs asked; // when the list was asked for
    WallMs now;
    std::vector<Ours> ours;
    std::map<std::string_view, const srs::Client *> there; // not yet found ours
    std::vector<const Ours *> unlinked; // no client known; null: found by now
    std::vector<const Ours *> doubtful; // of these, who may be replaced
    std::vector<const srs::Client *> left; // of streams of ours, and of nobody
};

rt::Task<void> Nodes::compare(std::string node) {
    const srs::Api *api = upstream_.api(node);
    WallMs asked = loop_.wall();
    auto clients = co_await api->clients();
    if (!clients) {
        failed(node, clients.error());
        co_return;
    }
    answered(node, clients->from);
    WallMs now = loop_.wall();
    zone_.nodes().listed(node, static_cast<int32_t>(clients->rows.size()), now);

    Look look(node, *clients, asked, now);
    sessions_.table().each(now, [&](const Session &s) {
        if (s.node == node && s.host.empty()) {
            look.ours.emplace_back(s, now);
        }
    });
    for (const Ours &s : look.ours) {
        check(look, s);
    }
    send_after(look);
    bool sure = co_await leave_others(look);
    if (!sure) {
        co_return; // nobody is linked, or ended, on a guess
    }
    match(look);
    std::vector<std::string> due = strangers(look);
    end_unclaimed(look);
    if (!due.empty()) {
        std::string service = clients->from.service;
        auto ended =
            end_strangers(std::move(node), std::move(service), std::move(due));
        co_await std::move(ended);
    }
}

bool Nodes::doubted(const Look &look, const Ours *s) {
    return std::find(look.doubtful.begin(), look.doubtful.end(), s) !=
           look.doubtful.end();
}

// Several hosts: clients that are sessions of another one, and sessions of this
// one whose hook went to another.
rt::Task<bool> Nodes::leave_others(Look &look) {
    Hosts *hosts = sessions_.hosts();
    Watch &watch = watches_.find(look.node)->second;
    std::erase_if(watch.others, [&](const auto &one) {
        return look.there.find(one.first) == look.there.end() ||
               loop_.now() - one.second > kMinute;
    });
    for (const auto &[client, since] : watch.others) {
        look.there.erase(client);
    }
    if (hosts == nullptr || look.there.empty()) {
        co_return true;
    }
    std::string node = look.node;
    std::string service = look.clients.from.service;
    auto rows =
        co_await store_.sessions().clients(std::move(node), std::move(service));
    // What was let in while the store was away is not in it yet.
    if (!rows || hosts->sound_for() < kSoundFor) {
        co_return false;
    }
    for (const Session &row : *rows) {
        auto client = look.there.find(row.srs_client.view());
        if (client == look.there.end()) {
            continue;
        }
        if (!(row.host == hosts->self())) {
            watch.others[client->second->id] = loop_.now();
            look.there.erase(client);
            continue;
        }
        for (const Ours *&s : look.unlinked) {
            if (s != nullptr && s->id == row.id) {
                sessions_.table().link(row.id, row.srs_service.view(),
                                       row.srs_client.view(), "", look.now);
                s = nullptr;
                look.there.erase(client);
                break;
            }
        }
    }
    auto work = doubt(look);
    co_await std::move(work);
    co_return true;
}

// A publisher of this host, and a client that may be who replaces it.
rt::Task<void> Nodes::doubt(Look &look) {
    for (const Ours *s : look.unlinked) {
        bool open =
            s != nullptr && s->action == Action::publish &&
            std::any_of(look.there.begin(), look.there.end(),
                        [&](const auto &c) { return alike(*s, *c.second); });
        if (!open) {
            continue;
        }
        bool sure = co_await may_guess(s->stream_id, s->id, s->answered);
        if (!sure) {
            look.doubtful.push_back(s);
        }
    }
}

void Nodes::check(Look &look, const Ours &s) {
    bool closed = s.state == SessionState::closed;
    bool linked = !s.srs_client.empty();
    bool same_run = s.srs_service == look.clients.from.service;
    // who is not in a whole list, and would be by now, is gone
    bool settled =
        linked && look.clients.whole && s.linked_at + kSettle < look.asked;
    const srs::Client *client = nullptr;
    auto it = look.there.find(s.srs_client.view());
    if (linked && same_run && it != look.there.end()) {
        client = it->second;
        look.there.erase(it);
    }
    if (s.held) {
        // A relay: its publisher is at nginx, and it comes again.
        if (settled && client == nullptr) {
            sessions_.table().unlink(s.id, look.now);
        }
    } else if (closed) {
        auto ended = client != nullptr ? sessions_.table().find(s.id, look.now)
                                       : std::nullopt;
        if (ended) {
            upstream_.end_later(*ended); // our word did not reach it
        }
    } else if (client != nullptr) {
        bool waits = s.state == SessionState::connecting;
        if (!waits || client->recv_bytes > 0) {
            sessions_.table().media(s.id, client->recv_bytes,
                                    client->send_bytes, look.now);
        }
    } else if (settled) {
        sessions_.table().close(s.id, EndReason::upstream, look.now);
    } else if (!linked) {
        look.unlinked.push_back(&s);
    }
}

// Whose hook never came: a client and a session of the same stream, kind and
// address belong together.
void Nodes::match(Look &look) {
    auto known = zone_.nodes().find(look.node);
    bool hooked = known && known->hooked;
    for (const auto &[id, client] : look.there) {
        if (srs::stream_of(client->url).empty()) {
            continue;
        }
        const Ours *found = nullptr;
        for (const Ours *&s : look.unlinked) {
            // its hook is still to come
            bool asking = s != nullptr && hooked &&
                          s->state == SessionState::connecting && !s->answered;
            if (s != nullptr && !asking && !doubted(look, s) &&
                alike(*s, *client) &&
                (s->action == Action::publish || s->client_ip == client->ip)) {
                found = std::exchange(s, nullptr);
                break;
            }
        }
        if (found != nullptr) {
            sessions_.table().link(found->id, look.clients.from.service, id, "",
                                   look.now);
        } else {
            look.left.push_back(client);
        }
    }
}

// Clients that nobody let in, for so long that their hook is not on its way.
// Without hooks SRS lets in whom it likes.
std::vector<std::string> Nodes::strangers(const Look &look) {
    Watch &watch = watches_.find(look.node)->second;
    auto known = zone_.nodes().find(look.node);
    std::map<std::string, Millis> now_there;
    std::vector<std::string> due;
    for (const srs::Client *client : look.left) {
        // One that waits may be at another address: a proxy hides it.
        bool awaited = std::any_of(
            look.unlinked.begin(), look.unlinked.end(),
            [&](const Ours *s) { return s != nullptr && alike(*s, *client); });
        if (!known || !known->hooked || awaited) {
            continue;
        }
        auto before = watch.strangers.find(client->id);
        Millis since =
            before != watch.strangers.end() ? before->second : loop_.now();
        now_there.emplace(client->id, since);
        if (loop_.now() - since >= kStrangerFor) {
            due.push_back(client->id);
        }
    }
    watch.strangers = std::move(now_there);
    return due;
}

void Nodes::end_unclaimed(const Look &look) {
    for (const Ours *s : look.unlinked) {
        if (s != nullptr && s->state == SessionState::active &&
            look.asked - s->started_at > kUnclaimed &&
            std::none_of(look.left.begin(), look.left.end(),
                         [&](const srs::Client *c) { return alike(*s, *c); })) {
            sessions_.table().close(s->id, EndReason::timeout, look.now);
        }
    }
}

// Players of a stream whose publisher is at another node by now would wait for
// media for ever.
void Nodes::send_after(const Look &look) {
    // Whether a stream is elsewhere is asked once for all its players.
    std::map<std::string_view, bool> elsewhere;
    for (const Ours &s : look.ours) {
        if (s.action != Action::play || s.held ||
            s.state == SessionState::closed) {
            continue;
        }
        auto [it, first] = elsewhere.try_emplace(s.stream_id.view(), false);
        if (first) {
            auto live = sessions_.table().find_live(s.stream_id, look.now);
            it->second = live && !live->publisher.empty() &&
                         !(live->node == look.node) &&
                         look.now - live->started_at > kMoveGrace;
        }
        if (it->second) {
            sessions_.end_session(s.id, EndReason::upstream);
        }
    }
}

} // namespace ks::gate
