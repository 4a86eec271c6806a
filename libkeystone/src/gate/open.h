// From an allowed Decision to a session in the live map.
#pragma once

#include "gate/access.h"
#include "gate/sessions.h"

#include <string_view>

namespace ks::gate {

struct Applicant {
    model::Action action = model::Action::play;
    model::Protocol protocol = model::Protocol::hls;
    std::string_view client_ip;
    std::string_view user_agent;
    std::string_view node; // SRS node that will have the media
    int32_t owner_pid = 0; // the worker that will hold it; 0: a node
    zone::HashKey viewer;  // HLS: who it is, without a connection
};

struct OpenedSession {
    zone::Sessions::Open what = zone::Sessions::Open::full;
    Id session;
    Id replaced; // publisher that went for this one

    bool ok() const { return what == zone::Sessions::Open::opened; }
};

// Atomic among all workers.  busy: another one came between; decide anew.
OpenedSession open_session(Sessions &sessions, const Decision &decision,
                           const Applicant &who, rt::Loop &loop);

} // namespace ks::gate
