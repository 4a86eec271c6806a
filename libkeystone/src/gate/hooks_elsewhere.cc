// Hooks about sessions of other hosts: behind a load balancer any host is told.
#include "gate/hooks.h"

#include "base/counted.h"
#include "gate/hosts.h"
#include "rt/wait.h"

namespace ks::gate {

using model::Session;
using srs::Hook;

namespace {

// Its host may not have written it yet.
constexpr Millis kLookAgain = 100;
constexpr Millis kLookFor = 1500;
// A client that was refused ends, too: nobody knows it.
constexpr Millis kAskAgain = 400;
constexpr int kAsk = 3;

} // namespace

rt::Task<std::optional<Session>> Hooks::elsewhere(std::string ticket) {
    std::vector<Id> ids = tickets_.read(ticket);
    Millis until = loop_.now() + kLookFor;
    std::optional<Session> found;
    if (seeking_ >= kMaxSeeking) {
        co_return found;
    }
    Counted inside(seeking_);
    while (!found && !ids.empty()) {
        for (const Id &one : ids) {
            Id id = one;
            auto row = co_await sessions_.hosts()->look_up(id);
            if (row) {
                found = std::move(row);
            }
        }
        if (!found && loop_.now() >= until) {
            break;
        }
        if (!found) {
            co_await rt::sleep_for(kLookAgain);
        }
    }
    co_return found;
}

rt::Task<Result<void>> Hooks::redeem_elsewhere(Hook hook, std::string node,
                                               std::string ticket) {
    // Any 22 characters may be a ticket, which costs a look at the store.  SRS
    // may show one address for all viewers: who has a good one does not count.
    auto over = too_many(limits_.full(limit::kRtmp, hook.ip, loop_.now()));
    if (over) {
        co_return std::move(*over);
    }
    auto session = co_await elsewhere(std::move(ticket));
    if (!session || session->stream_id != hook.stream ||
        session->action != action_of(hook) || session->node != node) {
        limits_.hit(limit::kRtmp, hook.ip, loop_.now());
        co_return Error(Code::unauthorized, std::string(kNoTicket));
    }
    Id id = session->id;
    std::string service = hook.service_id;
    std::string client = hook.client_id;
    std::string stream = hook.stream_id;
    bool linked = co_await sessions_.hosts()->link(
        id, std::move(service), std::move(client), std::move(stream));
    if (!linked) {
        co_return Error(Code::token_revoked, std::string(kUsedTicket));
    }
    co_return Result<void>();
}

// Its host is told; what never arrives there is found by a look at the node.
rt::Task<void> Hooks::gone_elsewhere(Hook hook, std::string node) {
    Counted inside(asking_);
    for (int i = 0; i < kAsk; i++) {
        std::string at = node;
        std::string service = hook.service_id;
        std::string client = hook.client_id;
        auto session = co_await sessions_.hosts()->look_up(
            std::move(at), std::move(service), std::move(client));
        if (session) {
            bool relay = session->owner_pid != 0; // comes again
            if (!relay) {
                sessions_.hosts()->end(*session, model::EndReason::client);
            }
            co_return;
        }
        co_await rt::sleep_for(kAskAgain, rt::Hold::none);
    }
}

} // namespace ks::gate
