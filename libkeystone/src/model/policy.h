// The one question: may this credential do this action on this stream over
// this protocol from this address?  Pure: a table-driven test holds it.
#pragma once

#include "base/error.h"
#include "model/live.h"
#include "model/stream.h"
#include "model/token.h"

#include <string_view>

namespace ks::model {

struct Ask {
    Action action = Action::play;
    Protocol protocol = Protocol::hls;
    std::string_view client_ip;
    std::string_view origin; // of a browser; empty: none sent
    // A token was presented: `token` is what is known of it.  An access token
    // is not one of these: it only makes is_owner.
    bool has_credential = false;
    bool is_owner = false; // a verified access token of owner or admin
    // Asked again for a session that was let in before (an HLS segment, SRS's
    // hook): its use of the token is counted, its place is taken.  Only what
    // may have changed since can end it.
    bool in_session = false;
    WallMs now = 0;
};

struct Verdict {
    Code code = Code::internal; // Code::ok: allowed
    bool replaces = false;      // the present publisher goes for this one
    int retry_after_s = 0;

    bool allowed() const { return code == Code::ok; }
};

// `stream` and `token` are never null: "does not exist" is a fact, too.
// `live` null: nothing is live.  Order of the checks is the order in which a
// stranger may learn things: credential first, then the stream's state.
//
//   token:   unknown 401 -> revoked, expired 401 -> (publish) a play token
//            403 forbidden -> another stream's 403 wrong_stream, whether or
//            not the stream asked for exists -> uses spent 401 token_revoked
//            -> ip 403 -> origin 403
//   publish: no token 401, also when the stream does not exist, also for its
//            owner's access token -> token, as above -> the stream is gone
//            404 -> disabled 403 -> someone publishes: takeover rule or 409
//   play:    a token given is checked as above even where none is needed; a
//            publish token plays, too (its holder may see the stream) ->
//            without one, and not the owner: private 401, and the same 401
//            for a stream that does not exist -> the stream is gone 404 (only
//            for its owner, an admin or the holder of its token) -> disabled
//            403 -> the stream's origins 403 (the owner looks from anywhere)
//            -> not live 409 not_live -> viewer_limit 503
// An existing public or unlisted stream needs no credential to play.
//
// Origins.  A stream's list says which pages may play it: without an Origin
// header it is not a page of another site, and passes.  A token's list says
// where the token may be used at all: without the header it is refused, except
// over HLS and FLV, where browsers send none to the page's own host.
//
// Takeover.  A publisher is there:
//   same_credential  the same token replaces its session; another one 409
//   reject           409
//   replace          whoever has a valid token replaces it
// The publisher went and the window is open: the name is kept for the same
// token, which comes back with nothing to replace; another token is let in by
// `replace` only, else 409 with what is left of the window as Retry-After.
Verdict decide(const StreamFacts &stream, const TokenFacts &token,
               const Live *live, const Ask &ask);

// `list`: addresses or CIDR blocks (IPv4, IPv6) joined by a blank; empty
// matches nothing.  An IPv4 address inside IPv6 (::ffff:a.b.c.d) is IPv4, on
// either side; ::/0 is all of IPv6 only.
bool ip_matches(std::string_view list, std::string_view ip);
// `list`: origins joined by a blank, exact, ASCII case-insensitive.
bool origin_matches(std::string_view list, std::string_view origin);

// What may stand in such lists, for whoever writes them.
bool is_ip_rule(std::string_view text);
// scheme://host or scheme://host:port, and nothing after it.
bool is_origin(std::string_view text);

} // namespace ks::model
