#include "store/cache.h"

#include "rt/loop.h"

#include <cstring>

namespace ks::store {

namespace {

using zone::CacheKind;
using zone::Tier;

std::string row_key(const Id &id) { return "row:" + id.str(); }
std::string second_key(const Id &id) { return "s:" + id.str(); }
std::string second_key(const Sha256 &hash) { return "t:" + hex_encode(hash); }

Millis now() { return rt::Loop::current().now(); }

bool young(Age age, bool exists, Millis read_at) {
    return age == Age::stale ||
           now() - read_at < (exists ? kFresh : kFreshAbsent);
}

Millis kept(bool exists) { return exists ? kStaleFor : kFreshAbsent; }

// Only an ask for what is fresh counts: the other one is its second try.
void count(zone::Zone &zone, CacheKind kind, Age age, bool hit) {
    if (age == Age::fresh) {
        zone.counters().looked_up(kind, Tier::zone, hit);
    }
}

} // namespace

bool Cache::find(const Id &id, Age age, model::StreamFacts &out) {
    bool hit = zone_.streams().find(id, now(), &out) &&
               young(age, out.exists, out.read_at);
    count(zone_, CacheKind::stream, age, hit);
    return hit;
}

bool Cache::find(const Sha256 &hash, Age age, model::TokenFacts &out) {
    bool hit = zone_.tokens().find(hash, now(), &out) &&
               young(age, out.exists, out.read_at);
    count(zone_, CacheKind::token, age, hit);
    return hit;
}

bool Cache::find_row(const Id &id, Age age, model::Stream &out) {
    std::string text;
    Millis read_at = 0;
    bool hit = zone_.blobs().find(row_key(id), now(), &text) &&
               unpack(text, out, read_at) && young(age, true, read_at);
    count(zone_, CacheKind::blob, age, hit);
    return hit;
}

Cache::RowTicket Cache::row_ticket(const Id &id) {
    return zone_.blobs().ticket(row_key(id));
}

// Both only grow, so that their sum differs when one does.
uint64_t Cache::stamp(const Id &id) {
    return ticket(id).changes + row_ticket(id).small.changes;
}

void Cache::fill(StreamTicket ticket, const Id &id, model::StreamFacts facts,
                 Millis age) {
    facts.read_at = now() - age;
    bool put = zone_.streams().put_if(ticket, id, facts, now(),
                                      facts.read_at + kept(facts.exists));
    if (!put) {
        zone_.counters().add(zone::Counter::stale_fills);
    }
}

void Cache::fill(TokenTicket ticket, const Sha256 &hash,
                 model::TokenFacts facts, Millis age) {
    facts.read_at = now() - age;
    bool put = zone_.tokens().put_if(ticket, hash, facts, now(),
                                     facts.read_at + kept(facts.exists));
    if (!put) {
        zone_.counters().add(zone::Counter::stale_fills);
    }
}

void Cache::fill_row(RowTicket ticket, const model::Stream &stream,
                     Millis age) {
    Millis read_at = now() - age;
    zone_.blobs().put(ticket, row_key(stream.id), pack(stream, read_at), now(),
                      read_at + kStaleFor);
}

void Cache::forget_stream(const Id &id) {
    forget_row(id);
    zone_.invalidate_stream(id);
}

void Cache::forget_token(const Sha256 &hash) {
    if (second_ != nullptr) { // first, or it comes back from there
        second_->forget(second_key(hash));
    }
    zone_.invalidate_token(hash);
}

// One entry of the second level is for both.
void Cache::forget_row(const Id &id) {
    if (second_ != nullptr) {
        second_->forget(second_key(id));
    }
    zone_.blobs().erase(row_key(id));
}

// `read` is given a text of the second level, and says whether it is of this
// form and release.
template <class T, class Read>
rt::Task<Cache::Look<T>> Cache::look_up(CacheKind kind, std::string key,
                                        Read read) {
    Look<T> look;
    if (second_ == nullptr) {
        co_return look;
    }
    auto work = second_->find(std::move(key));
    look.found = co_await std::move(work);
    if (look.found.value) {
        T value;
        bool absent = look.found.value->empty();
        look.known = absent || read(*look.found.value, value);
        if (look.known && !absent) {
            look.value = std::move(value);
        }
    }
    Millis most = look.value ? kFresh : kFreshAbsent;
    look.fresh = look.known && look.found.age < most;
    zone_.counters().looked_up(kind, Tier::redis, look.fresh);
    co_return look;
}

rt::Task<Cache::StreamLook> Cache::look(Id id) {
    auto read = [id](std::string_view text, model::Stream &out) {
        Millis read_at = 0;
        return unpack(text, out, read_at) && out.id == id;
    };
    return look_up<model::Stream>(CacheKind::stream, second_key(id), read);
}

rt::Task<Cache::TokenLook> Cache::look(Sha256 hash) {
    auto read = [](std::string_view text, model::TokenFacts &out) {
        return unpack(text, out);
    };
    return look_up<model::TokenFacts>(CacheKind::token, second_key(hash), read);
}

void Cache::put(const StreamLook &look, const Id &id,
                const model::Stream *stream) {
    if (second_ != nullptr) {
        second_->fill(second_key(id), look.found,
                      stream != nullptr ? pack(*stream, 0) : "",
                      kept(stream != nullptr));
    }
}

void Cache::put(const TokenLook &look, const Sha256 &hash,
                const model::TokenFacts &facts) {
    if (second_ != nullptr) {
        second_->fill(second_key(hash), look.found,
                      facts.exists ? pack(facts) : "", kept(facts.exists));
    }
}

} // namespace ks::store
