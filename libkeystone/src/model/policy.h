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
    bool has_credential = false;
    bool is_owner = false; // a verified access token of owner or admin
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
//   publish: no/unknown credential 401 (also when the stream does not exist) ->
//            revoked, expired 401 -> play token 403 forbidden -> other stream
//            403 wrong_stream -> uses spent 401 token_revoked -> ip, origin 403
//            -> disabled 403 -> someone publishes: takeover rule or 409
//   play:    credential given and bad: as above; a publish token plays, too
//            (its holder may see the stream); private without one 401 (also for
//            a stream that does not exist: the same answer as a private one);
//            disabled 403 -> origin 403 -> not live 409 not_live ->
//            viewer_limit 503
// An existing public or unlisted stream needs no credential to play; a stream
// that does not exist is 404 only where nothing private could hide: a caller
// with a valid token or access token; else 401, as a private one.
Verdict decide(const StreamFacts &stream, const TokenFacts &token,
               const Live *live, const Ask &ask);

// `list`: addresses or CIDR blocks (IPv4, IPv6) joined by a blank.
bool ip_matches(std::string_view list, std::string_view ip);
// `list`: origins joined by a blank, exact, ASCII case-insensitive.
bool origin_matches(std::string_view list, std::string_view origin);

} // namespace ks::model
