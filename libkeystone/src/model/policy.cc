#include "model/policy.h"

namespace ks::model {

namespace {

constexpr int kRetryBusy = 5;       // a publisher is there
constexpr int kRetryNotLive = 3;    // nobody publishes
constexpr int kRetryConnecting = 1; // the publisher's media is on its way
constexpr int kRetryFull = 30;      // somebody has to leave first

Verdict allow(bool replaces = false) { return {Code::ok, replaces, 0}; }
Verdict refuse(Code code, int retry_after_s = 0) {
    return {code, false, retry_after_s};
}

// Pages on the server's own host fetch without an Origin header.
bool browser_may_omit_origin(Protocol p) {
    return p == Protocol::hls || p == Protocol::flv;
}

bool token_origin_fits(const TokenFacts &token, const Ask &ask) {
    if (token.allowed_origins.empty()) {
        return true;
    }
    if (ask.origin.empty()) {
        return browser_may_omit_origin(ask.protocol);
    }
    return origin_matches(token.allowed_origins.view(), ask.origin);
}

Code judge_token(const StreamFacts &stream, const TokenFacts &token,
                 const Ask &ask) {
    if (!token.exists) {
        return Code::unauthorized;
    }
    if (token.revoked_at != 0) {
        return Code::token_revoked;
    }
    if (token.expires_at != 0 && token.expires_at <= ask.now) {
        return Code::token_expired;
    }
    if (ask.action == Action::publish && token.kind != TokenKind::publish) {
        return Code::forbidden;
    }
    if (token.stream_id.empty() || !(token.stream_id == stream.id)) {
        return Code::wrong_stream;
    }
    if (token.max_uses > 0 && token.uses >= token.max_uses && !ask.in_session) {
        return Code::token_revoked;
    }
    if (!token.allowed_ips.empty() &&
        !ip_matches(token.allowed_ips.view(), ask.client_ip)) {
        return Code::ip_not_allowed;
    }
    if (!token_origin_fits(token, ask)) {
        return Code::origin_not_allowed;
    }
    return Code::ok;
}

int seconds_left(WallMs until, WallMs now) {
    return static_cast<int>((until - now + kSecond - 1) / kSecond);
}

Verdict take_over(Takeover rule, const TokenFacts &token, const Live *live,
                  const Ask &ask) {
    if (live == nullptr || ask.in_session) {
        return allow();
    }
    bool same = live->publisher_token == token.id;
    if (!live->publisher.empty()) {
        bool replaces = rule == Takeover::replace ||
                        (rule == Takeover::same_credential && same);
        return replaces ? allow(true)
                        : refuse(Code::already_publishing, kRetryBusy);
    }
    if (live->window_until <= ask.now || same || rule == Takeover::replace) {
        return allow();
    }
    return refuse(Code::already_publishing,
                  seconds_left(live->window_until, ask.now));
}

Verdict decide_publish(const StreamFacts &stream, const TokenFacts &token,
                       const Live *live, const Ask &ask) {
    if (!ask.has_credential) {
        return refuse(Code::unauthorized);
    }
    Code judged = judge_token(stream, token, ask);
    if (judged != Code::ok) {
        return refuse(judged);
    }
    if (!stream.exists) {
        return refuse(Code::not_found);
    }
    if (!stream.enabled) {
        return refuse(Code::stream_disabled);
    }
    return take_over(stream.takeover, token, live, ask);
}

Verdict decide_play(const StreamFacts &stream, const TokenFacts &token,
                    const Live *live, const Ask &ask) {
    if (ask.has_credential) {
        Code judged = judge_token(stream, token, ask);
        if (judged != Code::ok) {
            return refuse(judged);
        }
    } else if (!ask.is_owner) {
        bool open = stream.exists && stream.visibility != Visibility::private_;
        if (!open) {
            return refuse(Code::unauthorized);
        }
    }
    if (!stream.exists) {
        return refuse(Code::not_found);
    }
    if (!stream.enabled) {
        return refuse(Code::stream_disabled);
    }
    if (!ask.is_owner && !ask.origin.empty() &&
        !stream.allowed_origins.empty() &&
        !origin_matches(stream.allowed_origins.view(), ask.origin)) {
        return refuse(Code::origin_not_allowed);
    }
    Status status = status_of(stream.enabled, live, ask.now);
    if (!is_playable(status)) {
        return refuse(Code::not_live, status == Status::connecting
                                          ? kRetryConnecting
                                          : kRetryNotLive);
    }
    if (stream.max_viewers > 0 && live->viewers >= stream.max_viewers &&
        !ask.in_session) {
        return refuse(Code::viewer_limit, kRetryFull);
    }
    return allow();
}

} // namespace

Verdict decide(const StreamFacts &stream, const TokenFacts &token,
               const Live *live, const Ask &ask) {
    return ask.action == Action::publish
               ? decide_publish(stream, token, live, ask)
               : decide_play(stream, token, live, ask);
}

} // namespace ks::model
