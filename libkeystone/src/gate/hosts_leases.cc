// Publishers in Redis: asked while the store cannot be, and kept true for that.
#include "gate/hosts.h"

#include "base/counted.h"
#include "rt/wait.h"

namespace ks::gate {

using store::Lease;
using store::Leases;

namespace {

// However often others call.
constexpr Millis kLookAgain = kSecond;
constexpr Millis kOpenAgain = 500;
constexpr Millis kAskFor = 2 * kSecond;

} // namespace

// Nobody who could be asked says no: this host decides.
rt::Task<Hosts::Claim> Hosts::claim_lease(Lease lease, int64_t seen) {
    Claim claim;
    claim.by_lease = true;
    claim.term = lease.term;
    auto taken = co_await leases_.take(std::move(lease), seen);
    claim.pending = taken == Leases::Taken::claimed;
    claim.won = taken != Leases::Taken::no && !claim.pending;
    co_return claim;
}

// The store has decided already, whatever was in Redis before.
rt::Task<void> Hosts::follow(Lease lease) {
    auto kept = co_await leases_.put(std::move(lease));
    (void)kept;
}

// Redis has decided, and the others are to look there.
rt::Task<void> Hosts::open_lease(Lease lease) {
    constexpr int kTries = 4; // and then keep_leases()
    for (int i = 0; i < kTries; i++) {
        Lease one = lease;
        auto kept = co_await leases_.keep(std::move(one));
        if (kept == Leases::Taken::yes || kept == Leases::Taken::no) {
            break;
        }
        co_await rt::sleep_for(kOpenAgain, rt::Hold::none);
        if (!is_here(lease.stream, lease.session)) {
            co_return;
        }
    }
    store_.bus().publish(kLive, lease.stream.view());
}

std::optional<Lease> Hosts::lease_of(const Id &stream,
                                     const zone::LiveRecord &r) {
    if (!r.host.empty() || r.term == 0 || r.live.publisher.empty()) {
        return std::nullopt;
    }
    return Lease{stream, self(), r.live.publisher, r.term};
}

rt::Task<void> Hosts::keep_leases() {
    Flagged inside(keeping_);
    std::vector<Lease> ours;
    zone_.live().each(loop_.wall(),
                      [&](const Id &stream, const zone::LiveRecord &r) {
                          auto lease = lease_of(stream, r);
                          if (lease) {
                              ours.push_back(std::move(*lease));
                          }
                      });
    std::vector<Lease> lost;
    for (Lease &lease : ours) {
        if (!is_here(lease.stream, lease.session)) {
            continue; // it has ended meanwhile, and its lease is dropped
        }
        Lease one = lease;
        auto kept = co_await leases_.keep(std::move(one));
        if (kept == Leases::Taken::unknown) {
            break; // all again the next time
        }
        if (kept == Leases::Taken::no) {
            lost.push_back(std::move(lease));
        }
    }
    for (Lease &lease : lost) { // when all others are kept
        auto work = settle_lease(std::move(lease));
        co_await std::move(work);
    }
}

// A later one of another host stands in Redis, and its session is open.
rt::Task<void> Hosts::settle_lease(Lease lease) {
    bool goes = sound_since_ < 0; // there is no other word than Redis'
    if (!goes) {
        // Ours there and another's in Redis: a host that cannot reach the
        // store let in who came later.
        goes = co_await is_in_store(lease);
    }
    if (goes && is_here(lease.stream, lease.session)) {
        loop_.log(rt::LogLevel::notice,
                  "stream " + lease.stream.str() +
                      " was taken over at another host, as Redis says");
        sessions_.end_session(lease.session, model::EndReason::replaced);
    }
}

bool Hosts::is_here(const Id &stream, const Id &publisher) {
    bool here = false;
    zone_.live().peek(stream, loop_.wall(), [&](const zone::LiveRecord &r) {
        here = r.host.empty() && r.live.publisher == publisher;
    });
    return here;
}

// The store answers, and has no session that is newer: at most a claim, whose
// host cannot reach it any more.  Else its word counts, and is heard soon.
rt::Task<bool> Hosts::is_in_store(Lease lease) {
    auto look = store_.live().one(lease.stream);
    auto rows = co_await rt::within(std::move(look), kAskFor,
                                    Code::store_unavailable, "");
    if (!rows || rows->empty()) {
        co_return false;
    }
    const store::LiveRow &row = rows->front();
    bool same = row.host == self() && row.term == lease.term &&
                row.publisher.id == lease.session;
    co_return same || (row.is_claim() && !(row.host == self()));
}

// Another host says that it has let somebody in by Redis' word.
rt::Task<void> Hosts::look_at_lease(Id stream) {
    if (asking_ >= kMaxAsking) {
        co_return; // keep_leases() finds it
    }
    Counted inside(asking_);
    std::optional<Lease> ours;
    zone_.live().peek(stream, loop_.wall(), [&](const zone::LiveRecord &r) {
        ours = lease_of(stream, r);
    });
    if (ours) {
        Lease lease = *ours;
        auto kept = co_await leases_.keep(std::move(lease));
        if (kept == Leases::Taken::no) {
            auto work = settle_lease(std::move(*ours));
            co_await std::move(work);
        }
    }
}

// Another host has claimed something, and the store does not say what.
void Hosts::look_at_leases() {
    Millis now = loop_.now();
    if (sessions_.leads() && sound_since_ < 0 && !keeping_ &&
        now >= looked_at_ + kLookAgain) {
        looked_at_ = now;
        loop_.spawn(keep_leases());
    }
}

void Hosts::drop_ended(const std::vector<store::LiveRow> &rows) {
    for (const store::LiveRow &row : rows) {
        if (row.live.publisher.empty()) { // it may have been told of none
            loop_.spawn(
                leases_.drop({row.live.stream_id, self(), Id(), row.term}));
        }
    }
}

} // namespace ks::gate
