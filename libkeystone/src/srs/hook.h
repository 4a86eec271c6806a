// What SRS says when it calls a hook (srs_app_http_hooks.cpp): read, and taken
// apart as far as names go.  Pure.
#pragma once

#include "base/result.h"
#include "model/session.h"

#include <string>
#include <string_view>

namespace ks::srs {

enum class Event : uint8_t {
    connect,
    close,
    publish,
    unpublish,
    play,
    stop,
    dvr,
    hls,
    forward
};

// "on_publish"; nothing for a word SRS does not use.
std::optional<Event> parse_event(std::string_view word);
std::string_view name(Event event);

struct Hook {
    Event event = Event::close;
    std::string server_id;  // the node, as its configuration calls it
    std::string service_id; // one run of its process
    std::string client_id;  // unique in that run
    std::string ip;
    std::string vhost;
    std::string app;
    std::string stream; // as the client said
    std::string param;  // without '?': what followed the name
    std::string tc_url;
    std::string stream_url; // the key under which SRS has it
    std::string stream_id;  // of its statistics: "vid-..."
    int64_t send_bytes = 0; // close
    int64_t recv_bytes = 0;

    // The protocol of a publish or play.
    model::Protocol protocol() const;
    // WebRTC, or FLV of its HTTP server: only with a ticket of ours.
    bool needs_ticket() const;
};

// The body of a hook; `event` when the path names it.
Result<Hook> read_hook(std::string_view body, std::optional<Event> event);

// What is wrong with the names, for the log; empty when nothing is.  One app,
// one vhost, plain names: SRS cuts at dots, follows "../" and has aliases.
std::string_view bad_name(const Hook &hook);

} // namespace ks::srs
