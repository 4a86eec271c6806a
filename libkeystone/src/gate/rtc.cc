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
constexpr std::string_view kSdpType = "application/sdp";
constexpr std::string_view kTrickleType = "application/trickle-ice-sdpfrag";

// "application/sdp; charset=utf-8" is application/sdp
bool is_type(std::string_view header, std::string_view type) {
    return iequals(trim(header.substr(0, header.find(';'))), type);
}

constexpr std::string_view kNoSession =
    "There is no such session: it has ended, or the address is wrong.";

Protocol protocol_of(Action action) {
    return action == Action::publish ? Protocol::whip : Protocol::whep;
}

// Neither Content-Length nor chunked: HTTP takes that for no body at all.
bool lacks_length(const codec::Request &request) {
    return request.body_len == 0 && request.header("content-length").empty();
}

constexpr std::string_view kNeedsLength =
    "Send it with Content-Length, or chunked.";

// SRS names a session by the ICE names of both ends, "SRS's:client's", in its
// Location, where nothing is escaped.  Empty: another media server.
std::string_view client_ufrag(std::string_view resource) {
    constexpr std::string_view kSession = "&session=";
    size_t at = resource.find(kSession);
    if (at == std::string_view::npos) {
        return {};
    }
    resource.remove_prefix(at + kSession.size());
    resource = resource.substr(0, resource.find('&'));
    size_t colon = resource.find(':');
    return colon == std::string_view::npos ? std::string_view()
                                           : resource.substr(colon + 1);
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
    auto too_many = limited(request);
    if (too_many) {
        co_return std::move(*too_many);
    }
    if (what_ == What::feed) {
        co_return feed_head(request);
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

// All that can be said before the offer is read: a bad token uploads nothing.
rt::Task<Outcome> Rtc::offer_head(const codec::Request &request) {
    if (!is_type(request.header("content-type"), kSdpType)) {
        Outcome out = refusal(request, Code::unsupported_media_type,
                              "Send the offer as application/sdp.");
        out.response.set("Accept-Post", kSdpType);
        co_return out;
    }
    if (lacks_length(request)) {
        co_return refusal(request, Code::length_required, kNeedsLength);
    }
    if (request.body_len > kMaxOffer) {
        co_return refusal(request, Code::payload_too_large,
                          "An offer has at most 64 KiB.");
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
        co_return events_body(request);
    }
    // Trickle: SRS is ICE-lite and needs no candidates of the client.
    auto fragment = codec::check_trickle_fragment(request.body);
    if (!fragment) {
        Error &e = fragment.error();
        co_return refusal(request, e.code, e.detail);
    }
    if (!ufrag_.empty() && !fragment->ufrag.empty() &&
        fragment->ufrag != ufrag_) {
        co_return refusal(request, Code::unsupported_sdp,
                          "The media server does no ICE restart. The session "
                          "goes on as it is: end it and send a new offer.");
    }
    co_return no_content(request, 204);
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

// The session that the path names, if it lives.
std::optional<model::Session> Rtc::own_session() {
    if (!is_id(prefix::kSession, session_id_)) {
        return std::nullopt;
    }
    auto session = sessions_.table().find(Id(session_id_), loop_.wall());
    if (session &&
        (!(session->stream_id == stream_) || session->action != action_ ||
         session->state == model::SessionState::closed)) {
        session.reset();
    }
    return session;
}

// The session's address is a capability; a bearer that is there is checked.
rt::Task<std::optional<Outcome>> Rtc::may_use(const codec::Request &request) {
    if (!own_session()) {
        co_return refusal(request, Code::not_found, kNoSession);
    }
    stream_id_ = Id(stream_);
    if (credential_.empty()) {
        co_return std::nullopt;
    }
    Question q = question(request);
    q.in_session = true;
    auto decision = co_await access_.authorize(q);
    Code code = decision.verdict.code;
    // ending a session of a stream that just went away is no mistake
    bool fine = code == Code::ok || code == Code::not_live ||
                code == Code::already_publishing ||
                code == Code::stream_disabled;
    if (!fine) {
        std::string why = explain(code, stream_);
        co_return refusal(request, code, why);
    }
    co_return std::nullopt;
}

rt::Task<Outcome> Rtc::session_head(const codec::Request &request) {
    auto refused = co_await may_use(request);
    if (refused) {
        co_return std::move(*refused);
    }
    auto session = own_session(); // it may have ended meanwhile
    if (!session) {
        co_return refusal(request, Code::not_found, kNoSession);
    }
    if (request.method == "PATCH") {
        if (!is_type(request.header("content-type"), kTrickleType)) {
            Outcome out = refusal(request, Code::unsupported_media_type,
                                  "Send candidates as "
                                  "application/trickle-ice-sdpfrag.");
            out.response.set("Accept-Patch", kTrickleType);
            co_return out;
        }
        if (lacks_length(request)) {
            co_return refusal(request, Code::length_required, kNeedsLength);
        }
        if (request.body_len > kMaxOffer) {
            co_return refusal(request, Code::payload_too_large,
                              "A fragment has at most 64 KiB.");
        }
        kind_ = Kind::trickle;
        ufrag_ = client_ufrag(session->upstream_resource.view());
        Outcome out;
        out.next = Outcome::Next::body;
        out.stream = stream_id_;
        co_return out;
    }
    auto out = co_await end(request, std::move(*session));
    co_return out;
}

// It is over for us at once, and 200 in any case: what the media server did not
// hear now it is told again.
rt::Task<Outcome> Rtc::end(const codec::Request &request,
                           model::Session session) {
    WallMs now = loop_.wall();
    Id id = session.id;
    if (!sessions_.table().close(id, EndReason::client, now)) {
        co_return refusal(request, Code::not_found, kNoSession);
    }
    bool gone = co_await upstream_.end(session);
    if (!gone) {
        upstream_.end_later(session);
    }
    Outcome out = no_content(request, 200);
    out.session = id;
    co_return out;
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
        return refusal(request, Code::conflict,
                       "The session was ended before it began.", 2);
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

// Traffic tells of a node's health before the next probe does.
void Rtc::note_failure(const UpstreamHead &head) {
    zone::Nodes &nodes = sessions_.zone().nodes();
    if (!head.connected) {
        nodes.failed(node_.view(), head.status != 504, loop_.wall());
    } else if (!head.answered) {
        // Closed without a word: often somebody of whom nothing is known here
        // has the name.
        nodes.want(node_.view());
    }
}

Outcome Rtc::failed(const codec::Request &request, const UpstreamHead &head) {
    note_failure(head);
    give_up(EndReason::upstream);
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
