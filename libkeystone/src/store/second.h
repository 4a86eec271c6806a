// The second level of the cache, in Redis: what one host has read from the
// database need not be read by the next.  Only packed values here; what they
// mean is up to the cache (cache.h).
//
// An entry is a hash: v, the value, and s, a stamp that whoever finds no value
// puts there before the database is asked.  A value is put only beside the
// stamp under which it was read; a change deletes the entry, stamp and all.  So
// what was read before a change never comes in after it, also when Redis was
// emptied meanwhile.
//
// A change that this host could not tell Redis (it was away) is not forgotten
// either: values read before the present connection was made do not count.
// And a value is sealed: one that is not ours, or lies under another key, is
// none.
#pragma once

#include "store/shared.h"
#include "zone/zone.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::store {

class Second {
  public:
    // Longer than this nobody waits: the database is asked.
    static constexpr Millis kPatience = 50;
    // Nothing older is, whatever it is wanted for.
    static constexpr Millis kBelieved = 5 * kMinute;

    struct Found {
        std::optional<std::string> value;
        Millis age = 0; // since it was read from the database
        // Where a value that is read now may be put; empty: nowhere.
        std::string stamp;
        int64_t as_of = 0; // microseconds of Redis's clock
    };

    Second(Shared &shared, zone::Zone &zone) : shared_(shared), zone_(zone) {}

    // `name` is short and tells what: "s:str_...".
    rt::Task<Found> find(std::string name);
    // What was read from the database after find(); nobody waits.
    void fill(const std::string &name, const Found &found,
              std::string_view value, Millis keep);
    // After a change.  Nobody waits; no worker of this host believes what is
    // from before it.
    void forget(const std::string &name);

  private:
    rt::Task<void> put(std::string key, std::string stamp, std::string value,
                       Millis keep);
    rt::Task<void> remove(std::string key);
    std::optional<std::string> open(const std::string &key,
                                    std::string_view value, int64_t now,
                                    int64_t from, Found &found) const;
    Millis forgotten_for(const std::string &name) const;
    std::string close(const std::string &key, std::string_view value,
                      int64_t as_of) const;

    Shared &shared_;
    zone::Zone &zone_;
    // What was read earlier is not believed, by Redis's clock: of which
    // connection, from when on; and that it has to be set anew.
    uint64_t generation_ = 0;
    int64_t trusted_from_ = 0;
    bool distrust_ = false;
};

} // namespace ks::store
