// Who publishes a stream, as Redis knows it: asked when the database cannot be,
// so that there is one publisher among all hosts then, too.
//
// A lease that its host does not keep ends by itself.  It is sealed: who can
// write to Redis can hinder nobody for long, and end nobody.  While the database
// answers its word counts, and the lease follows (keep()).
#pragma once

#include "store/shared.h"

namespace ks::store {

struct Lease {
    Id stream;
    Id host;
    Id session;
    int64_t term = 0; // of the claim, see live.h
};

class Leases {
  public:
    static constexpr Millis kLasts = 30 * kSecond;
    static constexpr Millis kKeepEvery = 10 * kSecond;

    // Null: no Redis, and nobody knows anything.
    explicit Leases(Shared *shared) : shared_(shared) {}

    enum class Taken : uint8_t {
        yes,
        no,      // another one of our hosts has it
        claimed, // the same, and its session is not open yet
        refused, // Redis answers, but not this
        unknown  // it does not
    };
    // A claim.  No: there is one that is newer than `seen`, on which it was
    // decided.
    rt::Task<Taken> take(Lease lease, int64_t seen);
    // The session is open, or goes on.  No: another one has it by a newer claim.
    rt::Task<Taken> keep(Lease lease);
    // The same, whatever stands there: the database has decided.
    rt::Task<Taken> put(Lease lease);
    // The session has ended, or all of its host up to that term.
    rt::Task<void> drop(Lease lease);

  private:
    // Who keeps it against a new one: a claim newer than that, if a field of it
    // is not of a value.
    struct Rule {
        int64_t newer_than;
        std::string field;
        std::string value;
    };
    rt::Task<Taken> write(Lease lease, bool open, Rule rule);

    Shared *shared_;
};

} // namespace ks::store
