// Several nginx hosts at one store act as one: each shows what the others have
// (replicas in its zone), one publisher is let in per stream among all of them,
// and what a dead host leaves is taken over.
//
// One worker of a host does what repeats; every worker claims and looks up.
// The store decides between hosts; where it cannot be asked, Redis does, if
// there is one; and else this host's own zone, which has what was last known of
// the others.
#pragma once

#include "gate/sessions.h"
#include "gate/upstream.h"
#include "rt/flight.h"
#include "store/leases.h"
#include "store/store.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ks::gate {

class Hosts {
  public:
    // All outlive it.
    Hosts(store::Store &store, Sessions &sessions, Upstream &upstream,
          rt::Loop &loop);

    // Once; ends with the loop.
    void start();
    const Id &self() { return zone_.self(); }

    // Publishers (hosts_claim.cc).  Lost: the zone knows now to whom, decide
    // again.  `seen` is the term on which it was decided.
    struct Claim {
        bool won = false;
        bool ours = false;     // the claim that there is now is this host's
        bool by_lease = false; // the store could not be asked
        bool pending = false;  // lost to one whose session is not open yet
        int64_t term = 0;      // of the one that there is now
    };
    rt::Task<Claim> claim(model::Session session, int32_t window_seconds,
                          int64_t seen);
    // The session is open: the others are to know of it.
    void opened(const model::Session &session, const Claim &claim);
    // No session was opened.
    void withdraw(const Id &stream, const Id &session);
    // True when a session of another host that was replaced is really gone;
    // false when it will not go (2 s).
    rt::Task<bool> gone(Id session);
    // True when the store has it so: nobody else has claimed the stream yet.
    rt::Task<bool> publishes(Id stream, Id session);

    // Sessions of other hosts (hosts_elsewhere.cc), which may be asked for
    // here: as the store has it, and a replica of it from then on.
    rt::Task<std::optional<model::Session>> look_up(Id session);
    // By what a media server calls it.
    rt::Task<std::optional<model::Session>>
    look_up(std::string node, std::string service, std::string client);
    // True for one client only.
    rt::Task<bool> link(Id session, std::string service, std::string client,
                        std::string stream);
    // Its host ends it, within a second.
    void end(const model::Session &session, model::EndReason reason);
    // The same for who has to know that it will; error: it was not told.
    rt::Task<Result<void>> end_surely(model::Session session,
                                      model::EndReason reason);
    // A session of this host was opened: others may be asked for it at once.
    rt::Task<void> show(Id session);

    // Streams of events, read at whichever host; feed() finds the session, too.
    rt::Task<void> share(store::FeedRow feed);
    rt::Task<void> unshare(Id feed);
    rt::Task<std::optional<store::FeedRow>> feed(Id feed);

    // What another host wants of this one.
    void heard(const store::Change &change);

    // For so long has the store told everything; 0: it does not.
    Millis sound_for();

    // What start() does again and again, for tests: each once.
    rt::Task<void> beat();
    rt::Task<void> watch();
    rt::Task<void> tell();
    rt::Task<void> count();
    rt::Task<void> read(bool all);
    rt::Task<void> refresh();
    rt::Task<void> keep_leases();
    rt::Task<void> look_at_lease(Id stream);
    rt::Task<bool> recover(); // until it is true

  private:
    static constexpr std::string_view kLive = "live"; // on the bus

    struct Other {
        int64_t beats = -1;
        Millis silent = 0; // seen not to beat, by this host's clock
    };
    // What the others were told of a stream.
    struct Told {
        int64_t term = 0;
        Id session;
        Fixed<31> node;
        bool media = false;
        bool claim = false; // and no session yet
        WallMs window_until = 0;

        friend bool operator==(const Told &, const Told &) = default;
    };
    static Told told_of(const zone::Remote &row);
    struct Known {
        Told told;
        uint64_t seen = 0; // telling_ when there was a record of it
    };
    // What another one said; two changes may have the same time.
    struct Heard {
        Told told;
        WallMs at = 0;

        friend bool operator==(const Heard &, const Heard &) = default;
    };
    using Names = std::map<std::string, int32_t, std::less<>>;
    using Terms = std::map<std::string, int64_t>; // of streams

    rt::Task<void> tick();
    rt::Task<void> beat_now();
    rt::Task<void> turn();
    rt::Task<void> leave();
    rt::Task<Result<void>> last_words();
    rt::Task<bool> bury(Id dead, int64_t beats, std::string name);
    rt::Task<void> bury_strays();
    rt::Task<bool> was_buried(); // false: the store did not say all
    rt::Task<bool> take(std::vector<model::Session> sessions);
    rt::Task<void> give_up(model::Session session, model::EndReason reason);
    rt::Task<void> read_live(bool all);
    rt::Task<void> read_audience(bool all);
    rt::Task<void> read_bans();
    void hear_ban(const store::Ban &ban);
    rt::Task<void> settle_unheard(std::vector<Id> streams);
    rt::Task<void> send_end(Id session, model::EndReason reason);
    rt::Task<Result<store::Claimed>>
    claim_in_store(store::LiveRow row, int64_t seen, model::Session session);
    rt::Task<void> send_opened(Id stream, Id session, WallMs started_at);
    void forsake(const Id &session);
    rt::Task<void> send_withdrawal(Id stream, Id session);
    void unclaim(const Id &stream, const Id &session);
    rt::Task<void> send_unclaim(Id stream, Id session);
    rt::Task<Claim> claim_lease(store::Lease lease, int64_t seen);
    rt::Task<void> follow(store::Lease lease);
    rt::Task<void> open_lease(store::Lease lease);
    rt::Task<void> settle_lease(store::Lease lease);
    bool is_here(const Id &stream, const Id &publisher);
    rt::Task<bool> is_in_store(store::Lease lease);
    std::optional<store::Lease> lease_of(const Id &stream,
                                         const zone::LiveRecord &record);
    void look_at_leases();
    void drop_ended(const std::vector<store::LiveRow> &rows);
    // The store has something new for the others.
    void call() { store_.bus().publish(kLive, ""); }
    void apply(const zone::Remote &row);
    void hear(const store::LiveRow &row);
    void forget_absent(const Terms &absent);
    void note_orphan(const store::LiveRow &row);
    void forget_audience(const Id &host);
    void show_audience(const std::string &stream);
    void show_audience(std::map<std::string, Names> fresh, bool all);
    bool is_pending(const store::LiveRow &row);
    void note_own(const store::LiveRow &row);
    void go_on(const store::LiveRow &row);
    std::vector<store::LiveRow> news();
    void sound(bool good);

    store::Store &store_;
    store::Leases leases_;
    Sessions &sessions_;
    zone::Zone &zone_;
    Upstream &upstream_;
    rt::Loop &loop_;

    // Claims on their way to the store, of whoever may have left meanwhile.
    rt::Flights<std::string, store::Claimed> claims_;
    std::map<std::string, bool, std::less<>> claiming_; // true: withdrawn

    static constexpr size_t kMaxAsking = 64; // of what strangers may name
    size_t asking_ = 0;                      // in feed(), look_at_lease()
    bool busy_ = false;
    bool beating_ = false;
    bool keeping_ = false;
    bool refreshing_ = false;
    bool led_ = false;
    bool left_ = false;
    Millis beat_at_ = 0;
    Millis watch_at_ = 0;
    Millis read_at_ = 0;
    Millis all_at_ = 0;
    Millis tell_at_ = 0;
    Millis refresh_at_ = 0;
    Millis leases_at_ = 0;
    Millis looked_at_ = 0;    // look_at_leases()
    Millis sound_since_ = -1; // -1: the store does not tell
    Millis watched_at_ = -1;
    Millis strays_at_ = 0;
    Millis recover_at_ = 0;
    bool recovered_ = false;
    bool unnamed_ = false; // sessions of no host are to be taken over
    WallMs started_at_ = 0;
    WallMs live_since_ = 0;
    WallMs audience_since_ = 0;
    std::map<std::string, Other, std::less<>> others_;
    std::map<std::string, Millis, std::less<>> strays_; // first seen
    std::map<std::string, Known, std::less<>> told_;
    uint64_t telling_ = 0; // counts the calls of news()
    Names counted_;
    std::map<std::string, Heard, std::less<>> heard_;
    std::map<std::string, Names, std::less<>> audience_; // stream -> host
    std::map<std::string, Millis, std::less<>> orphans_; // claims, since when
};

} // namespace ks::gate
