#include "gate/rtc.h"

#include "base/bytes.h"
#include "codec/sdp.h"
#include "codec/uri.h"
#include "gate/ice.h"
#include "gate/open.h"

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Protocol;

namespace {

constexpr int64_t kMaxOffer = 64 * 1024;
constexpr std::string_view kEnded = "The session was ended before it began.";

// "application/sdp; charset=utf-8" is application/sdp
bool is_type(std::string_view header, std::string_view type) {
    return iequals(trim(header.substr(0, header.find(';'))), type);
}

Protocol protocol_of(Action action) {
    return action == Action::publish ? Protocol::whip : Protocol::whep;
}

std::string_view word_of(Action action) {
    return action == Action::publish ? "whip" : "whep";
}

} // namespace

Rtc::~Rtc() { give_up(EndReason::client); }

// Nothing came of it: whatever the media server has by now ends, too.
void Rtc::give_up(EndReason reason) {
    if (!opened_.empty()) {
        sessions_.release(std::exchange(opened_, Id()), reason);
    }
    access_.unspend(std::exchange(spent_, model::TokenFacts()));
}

Outcome Rtc::no_content(const codec::Request &request, unsigned status) const {
    Outcome out;
    out.response.status = status;
    out.stream = stream_id_;
    add_media_headers(request, out.response);
    return out;
}

// Answered without credentials; also the CORS preflight (W-5, W-11).  A
// stranger is told of no TURN server, as relaying is not free; who shows a
// token that lets him in is (W-6).
rt::Task<Outcome> Rtc::options(const codec::Request &request) {
    Outcome out = no_content(request, 200);
    if (what_ == What::endpoint) {
        out.response.set("Accept-Post", kSdpType);
    } else if (what_ == What::session) {
        out.response.set("Accept-Patch", kTrickleType);
    } else if (what_ == What::events) {
        out.response.set("Accept-Post", "application/json");
    }
    bool preflight = !request.header("access-control-request-method").empty();
    if (preflight || !request.header("origin").empty()) {
        // A page may read it in any answer: PATCH in it makes some trickle.
        out.response.set("Access-Control-Allow-Methods",
                         "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
    }
    if (preflight) {
        // ETag: what @eyevinn/whip-web-client calls If-Match
        out.response.set("Access-Control-Allow-Headers",
                         "Authorization, Content-Type, If-Match, ETag, "
                         "Last-Event-ID, X-Request-Id");
        out.response.set("Access-Control-Max-Age", "600");
    } else {
        out.response.set("Allow", methods());
        bool trusted = !credential_.empty();
        if (trusted) {
            trusted = !limited(request);
        }
        if (trusted) {
            Question q = question(request);
            auto decision = co_await access_.authorize(q);
            stream_id_ = decision.stream.id;
            trusted = decision.allowed();
        }
        add_ice_servers(config_, trusted, stream_id_.view(), loop_.wall(),
                        out.response);
    }
    co_return out;
}

std::optional<Outcome> Rtc::limited(const codec::Request &request) {
    std::string_view name = limit::kSession;
    if (what_ == What::endpoint) {
        name = action_ == Action::publish ? limit::kWhip : limit::kWhep;
    }
    auto over = limits_.hit(name, request.client_ip, loop_.now());
    if (!over) {
        return std::nullopt;
    }
    Outcome out =
        refusal(request, Code::rate_limited,
                "Too many requests from this address.", over->retry_after_s);
    add_limit_headers(*over, out.response);
    return out;
}

Question Rtc::question(const codec::Request &request) const {
    Question q;
    q.action = action_;
    q.protocol = protocol_of(action_);
    q.stream = stream_;
    q.credential = credential_;
    q.client_ip = request.client_ip;
    q.origin = request.header("origin");
    return q;
}

rt::Task<Outcome> Rtc::head(const codec::Request &request) {
    auto path = read_rtc_path(request, path_of_url(config_.edge_base_url));
    bool preflight = request.method == "OPTIONS" &&
                     !request.header("access-control-request-method").empty();
    if (!path && !preflight) { // a page that is let through can read why
        const Error &e = path.error();
        co_return refusal(request, e.code, e.detail);
    }
    if (path) {
        action_ = path->action;
        base_ = std::move(path->base);
        stream_ = std::move(path->stream);
        session_id_ = std::move(path->session);
        feed_ = std::move(path->feed);
        what_ = path->what;
    }
    credential_ = rtc_credential(request);
    if (request.method == "OPTIONS") {
        auto out = co_await options(request);
        co_return out;
    }
    bool looks = request.method == "GET" || request.method == "HEAD";
    if (looks && (what_ == What::endpoint || what_ == What::session)) {
        bool sdp = action_ == Action::play && request.method == "HEAD";
        Outcome out = no_content(request, sdp ? 200 : 204);
        if (sdp) {
            out.response.set("Content-Type", kSdpType); // H-2
        }
        co_return out;
    }
    // All readers of a worker come back at once when it is reloaded, many of
    // them from one address, and EventSource gives up for good at a 429.
    if (looks && what_ == What::feed) {
        auto out = co_await feed_head(request);
        co_return out;
    }
    auto too_many = limited(request);
    if (too_many) {
        co_return std::move(*too_many);
    }
    if (what_ == What::feed) {
        auto out = co_await feed_head(request);
        co_return out;
    }
    if (what_ == What::events && request.method == "POST") {
        auto out = co_await events_head(request);
        co_return out;
    }
    if (what_ == What::session &&
        (request.method == "DELETE" || request.method == "PATCH")) {
        auto out = co_await session_head(request);
        co_return out;
    }
    if (what_ == What::endpoint && request.method == "POST") {
        auto out = co_await offer_head(request);
        co_return out;
    }
    co_return wrong_method(request);
}

std::string_view Rtc::methods() const {
    switch (what_) {
    case What::endpoint:
        return "GET, HEAD, POST, OPTIONS";
    case What::session:
        return "GET, HEAD, PATCH, DELETE, OPTIONS";
    case What::events:
        return "POST, OPTIONS";
    case What::feed:
        break;
    }
    return "GET, HEAD, DELETE, OPTIONS";
}

Outcome Rtc::wrong_method(const codec::Request &request) const {
    std::string detail = "This address takes " + std::string(methods()) + '.';
    Outcome out = refusal(request, Code::method_not_allowed, detail);
    out.response.set("Allow", methods());
    return out;
}

// By what is said of it before it is read.
std::optional<Outcome> Rtc::wrong_body(const codec::Request &request,
                                       std::string_view type,
                                       int64_t max) const {
    if (!is_type(request.header("content-type"), type)) {
        std::string detail = "Send it as " + std::string(type) + '.';
        Outcome out = refusal(request, Code::unsupported_media_type, detail);
        bool patch = request.method == "PATCH";
        out.response.set(patch ? "Accept-Patch" : "Accept-Post", type);
        return out;
    }
    // neither length nor chunked: HTTP takes that for no body at all
    if (request.body_len == 0 && request.header("content-length").empty()) {
        return refusal(request, Code::length_required,
                       "Send it with Content-Length, or chunked.");
    }
    if (request.body_len > max) {
        std::string detail =
            "At most " + std::to_string(max / 1024) + " KiB are taken here.";
        return refusal(request, Code::payload_too_large, detail);
    }
    return std::nullopt;
}

// All that can be said before the offer is read: a bad token uploads nothing.
rt::Task<Outcome> Rtc::offer_head(const codec::Request &request) {
    auto unwanted = wrong_body(request, kSdpType, kMaxOffer);
    if (unwanted) {
        co_return std::move(*unwanted);
    }
    Question q = question(request);
    auto decision = co_await access_.authorize(q);
    stream_id_ = decision.stream.id;
    if (!decision.allowed()) {
        Code code = decision.verdict.code;
        std::string why = explain(code, decision.stream.id.view());
        Outcome out =
            refusal(request, code, why, decision.verdict.retry_after_s);
        out.stream = stream_id_;
        co_return out;
    }
    kind_ = Kind::offer;
    Outcome out;
    out.next = Outcome::Next::body;
    out.stream = stream_id_;
    co_return out;
}

rt::Task<Outcome> Rtc::body(const codec::Request &request) {
    if (kind_ == Kind::offer) {
        auto out = co_await offer_body(request);
        co_return out;
    }
    if (kind_ == Kind::events) {
        auto out = co_await events_body(request);
        co_return out;
    }
    co_return trickle_body(request);
}

rt::Task<Outcome> Rtc::offer_body(const codec::Request &request) {
    auto offer = action_ == Action::publish
                     ? codec::check_whip_offer(request.body)
                     : codec::check_whep_offer(request.body);
    if (!offer) {
        Error &e = offer.error();
        Outcome out = refusal(request, e.code, e.detail);
        out.stream = stream_id_;
        co_return out;
    }

    // Asked again: reading the body took its time.
    Applicant who;
    who.action = action_;
    who.protocol = protocol_of(action_);
    who.client_ip = request.client_ip;
    who.user_agent = request.header("user-agent");
    Question q = question(request);
    Arrival arrival{access_, sessions_, loop_,   &config_,
                    q,       who,       opened_, nullptr};
    auto admission = co_await admit(arrival);
    spent_ = admission.spent;
    if (!admission.ok()) {
        give_up(EndReason::client);
        co_return refusal(request, admission.code, why_not(admission),
                          admission.retry_after_s);
    }
    node_ = admission.node;
    Outcome out;
    out.next = Outcome::Next::pass;
    out.stream = admission.stream;
    out.session = opened_;
    out.node = admission.node;
    // From an allow-list: SRS obeys much of what a client's query says.
    // With the slash: SRS answers the path without it by a redirect.
    out.upstream_uri = "/rtc/v1/" + std::string(word_of(action_)) +
                       "/?app=live&stream=" + admission.stream.str() + '&' +
                       std::string(kTicket) + '=' + tickets_.make(opened_);
    co_return out;
}

std::string Rtc::why_not(const Admission &admission) const {
    if (admission.code == Code::upstream_unavailable) {
        return "No media server for WebRTC is configured: the administrator "
               "adds srs_node to the keystone block.";
    }
    if (admission.elsewhere) {
        return "The stream is not published where WebRTC can play it. Play it "
               "by HLS.";
    }
    return explain(admission.code, admission.stream.view());
}

Outcome Rtc::upstream(const codec::Request &request, const UpstreamHead &head) {
    bool answer = head.answered && head.status == 201 &&
                  is_type(head.content_type, kSdpType) &&
                  head.location.starts_with('/') &&
                  Fixed<255>::fits(head.location);
    return answer ? created(request, head) : failed(request, head);
}

Outcome Rtc::created(const codec::Request &request, const UpstreamHead &head) {
    WallMs now = loop_.wall();
    Id session = opened_;
    sessions_.table().amend(session, now, [&](model::Session &s) {
        s.upstream_resource.assign(head.location);
    });
    auto known = sessions_.table().find(session, now);
    if (!known || known->state == model::SessionState::closed) {
        // Kicked, revoked or replaced while the media server thought about it.
        if (known) {
            upstream_.end_later(*known);
        }
        give_up(EndReason::kicked);
        return refusal(request, Code::conflict, kEnded, 2);
    }
    opened_ = Id();
    spent_ = model::TokenFacts();
    // A node that talks as SRS does tells when a publisher's media come; with
    // another one its answer is all there is.
    auto node = sessions_.zone().nodes().find(node_.view());
    bool tells = node && node->is_srs && action_ == Action::publish;
    if (!tells) {
        sessions_.table().media(session, 0, 0, now);
    }

    Outcome out;
    out.next = Outcome::Next::pass;
    out.stream = stream_id_;
    out.session = session;
    out.response.status = 201;
    out.response.set("Location",
                     base_ + '/' + stream_id_.str() + '/' + session.str());
    out.response.set("Cache-Control", "no-store");
    add_ice_servers(config_, true, stream_id_.view(), now, out.response);
    if (action_ == Action::play) {
        add_events_link(out.response, session);
    }
    add_media_headers(request, out.response);
    return out;
}

// Traffic tells of a node's health before the next probe does, but not surely: a
// 502 may be our own want of something, or one of several addresses.
void Rtc::note_failure(const UpstreamHead &head) {
    zone::Nodes &nodes = sessions_.zone().nodes();
    if (!head.connected) {
        if (head.status != 500) { // that is us
            nodes.suspect(node_.view(), loop_.wall());
        }
        nodes.want(node_.view());
    } else if (!head.answered) {
        // Closed without a word: often somebody of whom nothing is known here
        // has the name.
        nodes.want(node_.view());
    }
}

Outcome Rtc::failed(const codec::Request &request, const UpstreamHead &head) {
    note_failure(head);
    auto known = sessions_.table().find(opened_, loop_.wall());
    bool ended = known && known->state == model::SessionState::closed;
    give_up(EndReason::upstream);
    if (ended) { // and so its hook was refused
        return refusal(request, Code::conflict, kEnded, 2);
    }
    Code code = Code::upstream_error;
    std::string_view why = "The media server refused the offer without saying "
                           "why. Try again in a moment.";
    if (!head.answered && head.status == 504) {
        code = Code::upstream_timeout;
        why = "The media server did not answer in time. Try again in a moment.";
    } else if (!head.connected) {
        code = Code::upstream_unavailable;
        why = "The media server cannot be reached. Try again in a moment.";
    }
    Outcome out = refusal(request, code, why, 2);
    out.stream = stream_id_;
    return out;
}

} // namespace ks::gate
