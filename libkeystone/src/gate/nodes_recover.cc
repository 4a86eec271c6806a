// Clients of a node that are sessions in the store only: of an nginx before this
// one, or of another beside it.
#include "gate/nodes.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ks::gate {

using model::Session;

namespace {

constexpr Millis kRecoverSince = 5 * kMinute;
constexpr int64_t kRecoverRows = 20000;

} // namespace

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

// One nginx: they may be sessions of another one at the same store, from which
// this one takes over, or of this one before it lost its memory.  The rest; error:
// the store does not tell.
rt::Task<Result<std::vector<std::string>>>
Nodes::adopt_known(std::string node, std::string service,
                   std::vector<std::string> clients) {
    auto rows = co_await store_.sessions().on_nodes(
        loop_.wall() - kRecoverSince, kRecoverRows);
    if (!rows) {
        co_return std::move(rows.error());
    }
    for (Session &s : *rows) {
        auto it =
            std::find(clients.begin(), clients.end(), s.srs_client.view());
        if (s.node == node && s.srs_service == service && it != clients.end()) {
            auto adopting = adopt(std::move(s));
            auto ours = co_await std::move(adopting);
            if (!ours || *ours) {
                clients.erase(it);
            }
        }
    }
    co_return clients;
}

// Several hosts: a session is taken over with all of its host's, so those that
// are known are left alone.
rt::Task<Result<std::vector<std::string>>>
Nodes::leave_known(std::string node, std::string service,
                   std::vector<std::string> clients) {
    auto rows =
        co_await store_.sessions().clients(std::move(node), std::move(service));
    if (!rows) {
        co_return std::move(rows.error());
    }
    for (const Session &s : *rows) {
        std::erase(clients, s.srs_client.view());
    }
    co_return clients;
}

rt::Task<void> Nodes::end_strangers(std::string node, std::string service,
                                    std::vector<std::string> clients) {
    auto work = sessions_.hosts() == nullptr
                    ? adopt_known(node, service, std::move(clients))
                    : leave_known(node, service, std::move(clients));
    auto unknown = co_await std::move(work);
    if (!unknown) {
        co_return; // nobody is ended on a guess
    }
    for (const std::string &id : *unknown) {
        if (!sessions_.table().linked(node, service, id, loop_.wall())) {
            loop_.log(rt::LogLevel::notice, "client " + id + " of node " +
                                                node +
                                                " has no session: it is ended");
            upstream_.kick_later(node, id);
        }
    }
}

} // namespace ks::gate
