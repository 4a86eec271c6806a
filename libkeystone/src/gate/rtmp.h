// RTMP: publish and play, from the question to the end of the connection.
#pragma once

#include "conf/config.h"
#include "gate/access.h"
#include "gate/limits.h"
#include "gate/sessions.h"
#include "gate/ticket.h"

#include <functional>
#include <optional>
#include <string>

namespace ks::gate {

struct RtmpRequest {
    model::Action action = model::Action::publish;
    std::string app;
    std::string name; // stream id, or the stream key itself
    std::string args; // after '?'
    std::string client_ip;
    std::string user_agent;
    bool relay = false; // publish: an SRS node is to get it, see relay()
};

struct RtmpVerdict {
    Code code = Code::internal;
    std::string stream;  // allowed: what the stream is called from here on
    std::string session; // allowed
    std::string status;  // refused: NetStream.Publish.BadName, ...
    std::string text;    // refused: for the person at the encoder
};

// Where SRS takes a stream: rtmp://<address of the node>/<app>/<name>
struct RtmpRelay {
    std::string node;
    std::string app;
    std::string name; // the public id, and the ticket: not for any log
};

RtmpVerdict refuse_rtmp(model::Action action, Code code, std::string_view text);

// One publish or play.  Destroying it ends the session, if there is one.
class Rtmp : public Holder {
  public:
    // `on_kick` is called at most once, from the loop.
    Rtmp(Access &access, Limits &limits, Sessions &sessions, rt::Loop &loop,
         const conf::Config &config, const Tickets &tickets,
         std::function<void(model::EndReason)> on_kick);
    ~Rtmp() override;
    Rtmp(const Rtmp &) = delete;
    Rtmp &operator=(const Rtmp &) = delete;

    // Once.
    rt::Task<RtmpVerdict> ask(RtmpRequest request);

    // Where the stream is to go now; asked before every attempt.  Nothing: no
    // node can take it, ask again later.
    std::optional<RtmpRelay> relay();

    // Totals since the start.
    void media(uint64_t bytes_in, uint64_t bytes_out);

  private:
    void kick(model::EndReason reason) override;

    Access &access_;
    Limits &limits_;
    Sessions &sessions_;
    rt::Loop &loop_;
    const conf::Config &config_;
    const Tickets &tickets_;
    std::function<void(model::EndReason)> on_kick_;
    Id session_; // empty: none
    Id stream_;
    Fixed<31> node_; // that has the stream, or is to have it
    bool relays_ = false;
    model::EndReason end_ = model::EndReason::client;
};

} // namespace ks::gate
