// RTMP: publish and play, from the question to the end of the connection.
#pragma once

#include "gate/access.h"
#include "gate/limits.h"
#include "gate/sessions.h"

#include <functional>
#include <string>

namespace ks::gate {

struct RtmpRequest {
    model::Action action = model::Action::publish;
    std::string app;
    std::string name; // stream id, or the stream key itself
    std::string args; // after '?'
    std::string client_ip;
    std::string user_agent;
};

struct RtmpVerdict {
    Code code = Code::internal;
    std::string stream;  // allowed: what the stream is called from here on
    std::string session; // allowed
    std::string status;  // refused: NetStream.Publish.BadName, ...
    std::string text;    // refused: for the person at the encoder
};

RtmpVerdict refuse_rtmp(model::Action action, Code code, std::string_view text);

// One publish or play.  Destroying it ends the session, if there is one.
class Rtmp : public Holder {
  public:
    // `on_kick` is called at most once, from the loop.
    Rtmp(Access &access, Limits &limits, Sessions &sessions, rt::Loop &loop,
         std::function<void(model::EndReason)> on_kick);
    ~Rtmp() override;
    Rtmp(const Rtmp &) = delete;
    Rtmp &operator=(const Rtmp &) = delete;

    // Once.
    rt::Task<RtmpVerdict> ask(RtmpRequest request);

    // Totals since the start.
    void media(uint64_t bytes_in, uint64_t bytes_out);

  private:
    void kick(model::EndReason reason) override;

    Access &access_;
    Limits &limits_;
    Sessions &sessions_;
    rt::Loop &loop_;
    std::function<void(model::EndReason)> on_kick_;
    Id session_; // empty: none
    model::EndReason end_ = model::EndReason::client;
};

} // namespace ks::gate
