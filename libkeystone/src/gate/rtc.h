// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): signalling, authorised here
// and answered by the stream's SRS node.
//
//     POST    whip/{stream}             offer in, 201 with our Location
//     DELETE  whip/{stream}/{session}   ends it
//     PATCH   whip/{stream}/{session}   trickle: checked, 204 (SRS is ICE-lite)
//     GET, HEAD, OPTIONS                2xx without a body
// In more forms than these: see rtc_path.h.
#pragma once

#include "codec/http.h"
#include "conf/config.h"
#include "gate/access.h"
#include "gate/events.h"
#include "gate/limits.h"
#include "gate/open.h"
#include "gate/outcome.h"
#include "gate/rtc_path.h"
#include "gate/sessions.h"
#include "gate/ticket.h"
#include "gate/upstream.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ks::gate {

inline constexpr std::string_view kSdpType = "application/sdp";
inline constexpr std::string_view kTrickleType =
    "application/trickle-ice-sdpfrag";

// The head of the media server's answer.
struct UpstreamHead {
    unsigned status = 0;
    bool connected = false;
    bool answered = false; // false: the status is the proxy's own
    std::string_view content_type;
    std::string_view location;
};

// One request, from its head to the head of the media server's answer.
// Destroyed before an answer came, it ends the session it opened.
class Rtc {
  public:
    Rtc(const conf::Config &config, Access &access, Limits &limits,
        Sessions &sessions, Upstream &upstream, const Tickets &tickets,
        Events &events, rt::Loop &loop)
        : config_(config), access_(access), limits_(limits),
          sessions_(sessions), upstream_(upstream), tickets_(tickets),
          events_(events), loop_(loop) {}
    ~Rtc();
    Rtc(const Rtc &) = delete;
    Rtc &operator=(const Rtc &) = delete;

    // The head of the request; `body` when the offer is wanted next.
    rt::Task<Outcome> head(const codec::Request &request);
    // With request.body.
    rt::Task<Outcome> body(const codec::Request &request);
    // `pass`: keep status and body, set the response's headers.
    Outcome upstream(const codec::Request &request, const UpstreamHead &head);

  private:
    enum class Kind : uint8_t { none, offer, trickle, events };
    using What = RtcPath::What;

    std::optional<Outcome> limited(const codec::Request &request);
    std::string why_not(const Admission &admission) const;
    Outcome no_content(const codec::Request &request, unsigned status) const;
    rt::Task<Outcome> options(const codec::Request &request);
    Question question(const codec::Request &request) const;
    rt::Task<Outcome> offer_head(const codec::Request &request);
    rt::Task<Outcome> offer_body(const codec::Request &request);
    std::string_view methods() const;
    Outcome wrong_method(const codec::Request &request) const;
    std::optional<Outcome> wrong_body(const codec::Request &request,
                                      std::string_view type, int64_t max) const;
    // rtc_session.cc
    rt::Task<Outcome> session_head(const codec::Request &request);
    Outcome trickle_body(const codec::Request &request);
    std::optional<model::Session> own_session();
    rt::Task<std::optional<Outcome>> may_use(const codec::Request &request);
    rt::Task<Outcome> end(const codec::Request &request,
                          model::Session session);
    // rtc_events.cc
    rt::Task<Outcome> events_head(const codec::Request &request);
    rt::Task<Outcome> events_body(const codec::Request &request);
    rt::Task<Outcome> feed_head(const codec::Request &request);
    rt::Task<void> find_feed();
    void add_events_link(codec::Response &response, const Id &session) const;
    Outcome created(const codec::Request &request, const UpstreamHead &head);
    Outcome failed(const codec::Request &request, const UpstreamHead &head);
    void give_up(model::EndReason reason);
    void note_failure(const UpstreamHead &head);

    const conf::Config &config_;
    Access &access_;
    Limits &limits_;
    Sessions &sessions_;
    Upstream &upstream_;
    const Tickets &tickets_;
    Events &events_;
    rt::Loop &loop_;

    model::Action action_ = model::Action::publish;
    Kind kind_ = Kind::none;
    What what_ = What::endpoint;
    std::string base_;       // of the uri: up to and with "whip" or "whep"
    std::string stream_;     // as the client named it; empty: the key does
    std::string session_id_; // in the path
    std::string feed_;       // in the path
    std::string credential_;
    std::string ufrag_;       // trickle: of the session's offer, if it is known
    Id opened_;               // offer: our session, not confirmed yet
    Fixed<31> node_;          // of opened_
    model::TokenFacts spent_; // a counted token: given back if it fails
    Id stream_id_;
};

} // namespace ks::gate
