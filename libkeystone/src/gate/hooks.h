// SRS asks: what it does with RTMP, SRT and WebRTC that arrives at itself is
// decided here, by the same authorize() as everything else.
//
// WebRTC comes through the gate only, so it brings a ticket (ticket.h) and finds
// its session waiting; so does an RTMP stream that nginx relays.  RTMP and SRT
// sent straight to SRS bring a credential behind the stream's name.
//
// Hooks come twice, late, out of order or never: each is taken by the name that
// SRS has for the client (node, run of its process, client id), so the same one
// again changes nothing, and nodes.h repairs what never came.
#pragma once

#include "conf/config.h"
#include "gate/access.h"
#include "gate/limits.h"
#include "gate/sessions.h"
#include "gate/ticket.h"
#include "gate/upstream.h"
#include "srs/hook.h"

#include <optional>
#include <string>

namespace ks::gate {

class Hooks {
  public:
    Hooks(const conf::Config &config, Access &access, Limits &limits,
          Sessions &sessions, Upstream &upstream, const Tickets &tickets,
          rt::Loop &loop)
        : config_(config), access_(access), limits_(limits),
          sessions_(sessions), upstream_(upstream), tickets_(tickets),
          loop_(loop) {}

    // Error: SRS is to refuse.  `node` is what the hook's address says; empty:
    // the node that calls itself so.
    rt::Task<Result<void>> take(srs::Hook hook, std::string node);

  private:
    static constexpr std::string_view kNoTicket =
        "The ticket is of no session that waits for this.";
    static constexpr std::string_view kUsedTicket =
        "The ticket was used before.";

    static model::Action action_of(const srs::Hook &hook);
    std::string node_of(const srs::Hook &hook, const std::string &named);
    rt::Task<Result<void>> let_in(srs::Hook hook, std::string node);
    rt::Task<Result<void>> ask_for(srs::Hook hook, std::string node);
    rt::Task<Result<void>> redeem(srs::Hook hook, std::string node,
                                  std::string ticket);
    // Several hosts: the session is another one's.
    rt::Task<std::optional<model::Session>> elsewhere(std::string ticket);
    rt::Task<Result<void>> redeem_elsewhere(srs::Hook hook, std::string node,
                                            std::string ticket);
    // Each client that has to be judged counts.
    std::optional<Error> limited(const srs::Hook &hook);
    static std::optional<Error> too_many(const std::optional<Limited> &over);
    rt::Task<void> gone_elsewhere(srs::Hook hook, std::string node);
    void name_ended(const Id &session, const srs::Hook &hook);
    void gone(const srs::Hook &hook, const std::string &node);
    void media(const srs::Hook &hook, const std::string &node);
    // False: it has ended, or is another client.
    bool link(const Id &session, const srs::Hook &hook);

    const conf::Config &config_;
    Access &access_;
    Limits &limits_;
    Sessions &sessions_;
    Upstream &upstream_;
    const Tickets &tickets_;
    rt::Loop &loop_;
    size_t asking_ = 0; // in gone_elsewhere()
    static constexpr size_t kMaxAsking = 1000;
    size_t seeking_ = 0; // in elsewhere(), for whoever shows a ticket
    static constexpr size_t kMaxSeeking = 64;
};

} // namespace ks::gate
