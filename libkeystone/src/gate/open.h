// From an allowed Decision to a session in the live map.
#pragma once

#include "conf/config.h"
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

// Someone at the door, to be decided on and let in.
struct Arrival {
    Access &access;
    Sessions &sessions;
    rt::Loop &loop;
    const conf::Config *nodes; // set: the media go to one of its SRS nodes
    Question question;         // its text outlives the task
    Applicant who;
    Id &session;    // set as soon as there is one: its owner releases it
    Holder *holder; // of the session; null: a node holds it
    std::string_view at_node = {}; // set: it is there already
};

struct Admission {
    Code code = Code::internal;
    int retry_after_s = 0;
    Id stream;
    Fixed<31> node;
    bool elsewhere = false;  // it is live, but on none of the nodes
    model::TokenFacts spent; // a counted token of which a use was taken

    bool ok() const { return code == Code::ok; }
};

// From the question to the session: decides, replaces who is in the way and
// waits until that one's connection is gone, counts the use of the token.
rt::Task<Admission> admit(Arrival arrival);

// Atomic among all workers.  busy: another one came between; decide anew.
OpenedSession open_session(Sessions &sessions, const Decision &decision,
                           const Applicant &who, rt::Loop &loop);

} // namespace ks::gate
