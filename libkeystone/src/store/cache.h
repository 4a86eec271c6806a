// The cache in the zone, and the one in Redis behind it, as the store uses them:
// what is fresh, what is good enough while the database is away, what a change
// takes out.
//
// An entry is fresh for kFresh (kFreshAbsent if it says "no such thing") and
// lies there for kStaleFor: then the database is asked, and only when that
// cannot answer, the old entry is given.  A change erases the entry, so that
// what was revoked here is never given again, database or not.
#pragma once

#include "model/stream.h"
#include "model/token.h"
#include "store/second.h"
#include "zone/zone.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::store {

constexpr Millis kFresh = kMinute;
constexpr Millis kFreshAbsent = 5 * kSecond;
constexpr Millis kStaleFor = Second::kBelieved;

enum class Age : uint8_t { fresh, stale };

class Cache {
  public:
    // What fill() needs, taken before the database is asked.
    using StreamTicket = zone::Ticket;
    using TokenTicket = zone::Ticket;
    using RowTicket = zone::Blobs::Ticket;

    explicit Cache(zone::Zone &zone) : zone_(zone) {}
    // Outlives the cache; else there is no second level.
    void use(Second &second) { second_ = &second; }

    // False when there is nothing of that age or better.
    bool find(const Id &id, Age age, model::StreamFacts &out);
    bool find(const Sha256 &hash, Age age, model::TokenFacts &out);
    bool find_row(const Id &id, Age age, model::Stream &out);

    StreamTicket ticket(const Id &id) { return zone_.streams().ticket(id); }
    TokenTicket ticket(const Sha256 &h) { return zone_.tokens().ticket(h); }
    RowTicket row_ticket(const Id &id);

    // Differs after every forget_stream() and forget_row(), of any worker.
    uint64_t stamp(const Id &id);

    // `age`: since the database said so.
    void fill(StreamTicket ticket, const Id &id, model::StreamFacts facts,
              Millis age = 0);
    void fill(TokenTicket ticket, const Sha256 &hash, model::TokenFacts facts,
              Millis age = 0);
    void fill_row(RowTicket ticket, const model::Stream &stream,
                  Millis age = 0);

    // The second level, asked when the first has nothing fresh.  Known and not
    // fresh: good enough while the database is away.
    template <class T> struct Look {
        bool known = false;
        bool fresh = false;
        std::optional<T> value; // none: there is no such thing
        Second::Found found;    // where to put what the database says
    };
    using StreamLook = Look<model::Stream>;
    using TokenLook = Look<model::TokenFacts>;
    rt::Task<StreamLook> look(Id id);
    rt::Task<TokenLook> look(Sha256 hash);
    void put(const StreamLook &look, const Id &id, const model::Stream *stream);
    void put(const TokenLook &look, const Sha256 &hash,
             const model::TokenFacts &facts);

    // After a write: out of both levels.
    void forget_stream(const Id &id);
    void forget_token(const Sha256 &hash);
    // The row alone: what decide() reads is the same.
    void forget_row(const Id &id);

    zone::Zone &zone() { return zone_; }

  private:
    template <class T, class Read>
    rt::Task<Look<T>> look_up(zone::CacheKind kind, std::string key, Read read);

    zone::Zone &zone_;
    Second *second_ = nullptr;
};

// The database cannot answer: what was known before will have to do.
inline bool gone(const Error &error) {
    return error.code == Code::store_unavailable ||
           error.code == Code::overloaded;
}

// A row in the zone, or at the second level (read_at is 0 there).  Read back
// only if it is whole and of today's form.
std::string pack(const model::Stream &stream, Millis read_at);
bool unpack(std::string_view text, model::Stream &stream, Millis &read_at);
std::string pack(const model::TokenFacts &facts);
bool unpack(std::string_view text, model::TokenFacts &facts);

} // namespace ks::store
