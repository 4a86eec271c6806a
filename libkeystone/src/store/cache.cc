#include "store/cache.h"

#include "rt/loop.h"

#include <cstring>

namespace ks::store {

namespace {

using zone::CacheKind;
using zone::Tier;

std::string row_key(const Id &id) { return "row:" + id.str(); }

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

void Cache::fill(StreamTicket ticket, const Id &id, model::StreamFacts facts) {
    facts.read_at = now();
    bool put = zone_.streams().put_if(ticket, id, facts, facts.read_at,
                                      facts.read_at + kept(facts.exists));
    if (!put) {
        zone_.counters().add(zone::Counter::stale_fills);
    }
}

void Cache::fill(TokenTicket ticket, const Sha256 &hash,
                 model::TokenFacts facts) {
    facts.read_at = now();
    bool put = zone_.tokens().put_if(ticket, hash, facts, facts.read_at,
                                     facts.read_at + kept(facts.exists));
    if (!put) {
        zone_.counters().add(zone::Counter::stale_fills);
    }
}

void Cache::fill_row(RowTicket ticket, const model::Stream &stream) {
    Millis read_at = now();
    zone_.blobs().put(ticket, row_key(stream.id), pack(stream, read_at),
                      read_at, read_at + kStaleFor);
}

void Cache::forget_stream(const Id &id) {
    forget_row(id);
    zone_.invalidate_stream(id);
}

void Cache::forget_token(const Sha256 &hash) { zone_.invalidate_token(hash); }

void Cache::forget_row(const Id &id) { zone_.blobs().erase(row_key(id)); }

} // namespace ks::store
