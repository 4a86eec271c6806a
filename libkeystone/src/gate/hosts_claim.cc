// One publisher per stream among all hosts.
#include "gate/hosts.h"

#include "rt/wait.h"

#include <algorithm>

namespace ks::gate {

using model::Session;
using model::SessionState;

namespace {

// An encoder does not wait for long; after it this host decides alone.
constexpr Millis kClaimFor = 2 * kSecond;
constexpr Millis kLastPause = 4 * kSecond;
constexpr Millis kWaitGone = 2 * kSecond;
constexpr Millis kLookGone = 50;

} // namespace

rt::Task<Hosts::Claim> Hosts::claim(Session session, int32_t window_seconds,
                                    int64_t seen) {
    store::LiveRow row;
    row.host = self();
    row.term = std::max<int64_t>(seen + 1, loop_.wall());
    row.window_seconds = window_seconds;
    row.publisher = session;
    row.live.stream_id = session.stream_id;
    row.live.publisher = session.id;
    row.live.publisher_token = session.token_id;
    row.live.protocol = session.protocol;
    row.live.node = session.node;
    session.host = self();

    Id stream = session.stream_id;
    Id id = session.id;
    store::Lease lease{stream, self(), id, row.term};
    auto load = [this, row = std::move(row), seen,
                 session = std::move(session)] {
        return claim_in_store(row, seen, session);
    };
    auto work = claims_.join(id.str(), std::move(load));
    auto claimed =
        co_await rt::within(std::move(work), kClaimFor, Code::store_unavailable,
                            "The database did not answer in time.");
    if (!claimed) {
        auto by_lease = co_await claim_lease(std::move(lease), seen);
        if (!by_lease.won) {
            forsake(id); // it may yet arrive
        }
        co_return by_lease;
    }
    Claim claim;
    if (claimed->won) {
        claim.won = claim.ours = true;
        claim.term = claimed->row.term;
        co_return claim;
    }
    // Lost for certain, whether or not the store still tells to whom.
    auto look = store_.live().one(stream);
    auto rows = co_await rt::within(std::move(look), kClaimFor,
                                    Code::store_unavailable, "");
    if (rows && !rows->empty()) {
        claim.ours = rows->front().host == self();
        claim.pending = rows->front().is_claim();
        claim.term = rows->front().term;
        apply(rows->front());
    }
    co_return claim;
}

// To its end, whoever still waits for it: what was withdrawn before it was there
// is withdrawn again.
rt::Task<Result<store::Claimed>>
Hosts::claim_in_store(store::LiveRow row, int64_t seen, Session session) {
    struct Claiming {
        decltype(claiming_) &all;
        decltype(claiming_)::iterator it;
        ~Claiming() { all.erase(it); }
    } claiming{claiming_, claiming_.emplace(session.id.str(), false).first};
    Id stream = session.stream_id;
    Id id = session.id;
    auto claimed =
        co_await store_.live().claim(std::move(row), seen, std::move(session));
    if (claiming.it->second) {
        loop_.spawn(send_withdrawal(stream, id));
    }
    co_return claimed;
}

// Only now the others hear of it: they end what they have for it.
void Hosts::opened(const Session &session, const Claim &claim) {
    store::Lease lease{session.stream_id, self(), session.id, claim.term};
    if (claim.by_lease) {
        loop_.spawn(open_lease(std::move(lease)));
        return;
    }
    loop_.spawn(send_opened(session.stream_id, session.id, session.started_at));
    loop_.spawn(follow(std::move(lease)));
}

// Should it not arrive, tell() says it.
rt::Task<void> Hosts::send_opened(Id stream, Id session, WallMs started_at) {
    auto done = co_await store_.live().open(stream, session, started_at);
    if (done) {
        call();
    }
}

// Its claim, should it be on its way.
void Hosts::forsake(const Id &session) {
    auto claiming = claiming_.find(session.view());
    if (claiming != claiming_.end()) {
        claiming->second = true;
    }
}

void Hosts::withdraw(const Id &stream, const Id &session) {
    forsake(session);
    loop_.spawn(leases_.drop({stream, self(), session, 0}));
    loop_.spawn(send_withdrawal(stream, session));
}

// There was a session, and it is over.
void Hosts::unclaim(const Id &stream, const Id &session) {
    loop_.spawn(leases_.drop({stream, self(), session, 0}));
    loop_.spawn(send_unclaim(stream, session));
}

// Should it not arrive, the claim is found to be of nothing (note_orphan()).
rt::Task<void> Hosts::send_withdrawal(Id stream, Id session) {
    for (Millis pause = kSecond; pause <= kLastPause; pause *= 2) {
        Id me = self();
        auto done = co_await store_.live().withdraw(stream, session, me);
        if (done) {
            call();
            co_return;
        }
        co_await rt::sleep_for(pause, rt::Hold::none);
    }
}

rt::Task<void> Hosts::send_unclaim(Id stream, Id session) {
    auto done = co_await store_.live().unclaim(stream, session);
    if (done) {
        call();
    }
}

rt::Task<bool> Hosts::gone(Id session) {
    Millis until = loop_.now() + kWaitGone;
    for (;;) {
        auto work = store_.sessions().by_id(session);
        auto row = co_await rt::within(std::move(work), until - loop_.now(),
                                       Code::store_unavailable, "");
        bool unknown = !row && row.error().code == Code::not_found;
        if (unknown) {
            co_return true;
        }
        bool remote = row && row->at_node();
        if (remote && row->named()) { // and its host has written it
            Session there = *row;
            auto ended = co_await upstream_.end(std::move(there));
            co_return ended;
        }
        // 2: of a host that was taken for dead
        if (row && !remote && row->state == SessionState::closed &&
            row->owner_pid != 1) {
            co_return true;
        }
        if (loop_.now() >= until) {
            co_return false;
        }
        co_await rt::sleep_for(kLookGone);
    }
}

rt::Task<bool> Hosts::publishes(Id stream, Id session) {
    auto look = store_.live().one(stream);
    auto rows = co_await rt::within(std::move(look), kClaimFor,
                                    Code::store_unavailable, "");
    co_return rows && !rows->empty() && rows->front().publisher.id == session;
}

} // namespace ks::gate
