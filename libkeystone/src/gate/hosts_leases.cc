// Publishers in Redis: asked while the store cannot be, and kept true for that.
#include "gate/hosts.h"

namespace ks::gate {

using store::Lease;
using store::Leases;

namespace {

// However often others call.
constexpr Millis kLookAgain = kSecond;

} // namespace

// Nobody who could be asked says no: this host decides.
rt::Task<Hosts::Claim> Hosts::claim_lease(Lease lease, int64_t seen) {
    Claim claim;
    claim.term = lease.term;
    auto taken = co_await leases_.take(std::move(lease), seen);
    claim.won = taken != Leases::Taken::no;
    if (taken == Leases::Taken::yes) {
        call();
    }
    co_return claim;
}

// The store has decided already.
rt::Task<void> Hosts::follow(Lease lease) {
    auto kept = co_await leases_.keep(std::move(lease));
    (void)kept;
}

rt::Task<void> Hosts::keep_leases() {
    struct Done {
        bool &flag;
        explicit Done(bool &f) : flag(f) { flag = true; }
        ~Done() { flag = false; }
    } done(keeping_);
    std::vector<Lease> ours;
    zone_.live().each(
        loop_.wall(), [&](const Id &stream, const zone::LiveRecord &r) {
            if (r.host.empty() && r.term != 0 && !r.live.publisher.empty()) {
                ours.push_back({stream, self(), r.live.publisher, r.term});
            }
        });
    for (const Lease &lease : ours) {
        Lease one = lease;
        auto kept = co_await leases_.keep(std::move(one));
        if (kept == Leases::Taken::unknown) {
            co_return; // all again the next time
        }
        // While the store answers, its word counts.
        if (kept == Leases::Taken::no && sound_since_ < 0) {
            loop_.log(rt::LogLevel::notice,
                      "stream " + lease.stream.str() +
                          " was taken over at another host, as Redis says");
            sessions_.end_session(lease.session, model::EndReason::replaced);
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
