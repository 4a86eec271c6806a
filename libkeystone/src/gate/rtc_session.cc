// What is done to a session at its own address: candidates, and its end.

#include "codec/sdp.h"
#include "gate/hosts.h"
#include "gate/rtc.h"

namespace ks::gate {

using model::EndReason;

namespace {

constexpr int64_t kMaxFragment = 64 * 1024;
constexpr std::string_view kNoSession =
    "There is no such session: it has ended, or the address is wrong.";

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

} // namespace

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
    Hosts *hosts = sessions_.hosts(); // one of another host: as it is there
    auto known = sessions_.table().find(Id(session_id_), loop_.wall());
    bool ours = known && known->host.empty();
    if (hosts != nullptr && !ours && is_id(prefix::kSession, session_id_)) {
        Id id(session_id_);
        co_await hosts->look_up(id);
    }
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
        auto unwanted = wrong_body(request, kTrickleType, kMaxFragment);
        if (unwanted) {
            co_return std::move(*unwanted);
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
    Hosts *hosts = sessions_.hosts();
    if (hosts != nullptr && !session.host.empty()) {
        hosts->end(session, EndReason::client);
    } else if (!sessions_.table().close(id, EndReason::client, now)) {
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

// SRS is ICE-lite and needs no candidates of the client.
Outcome Rtc::trickle_body(const codec::Request &request) {
    auto fragment = codec::check_trickle_fragment(request.body);
    if (!fragment) {
        Error &e = fragment.error();
        return refusal(request, e.code, e.detail);
    }
    if (!ufrag_.empty() && !fragment->ufrag.empty() &&
        fragment->ufrag != ufrag_) {
        return refusal(request, Code::unsupported_sdp,
                       "The media server does no ICE restart. The session "
                       "goes on as it is: end it and send a new offer.");
    }
    return no_content(request, 204);
}

} // namespace ks::gate
