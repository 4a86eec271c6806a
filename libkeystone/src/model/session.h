// A connection of one publisher or one viewer.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <optional>
#include <string_view>

namespace ks::model {

enum class Action : uint8_t { publish, play };
enum class Protocol : uint8_t { whip, whep, rtmp, srt, hls, flv };
enum class SessionState : uint8_t { connecting, active, closed };
enum class EndReason : uint8_t {
    none,
    client,
    kicked,
    revoked,
    expired,
    disabled,
    replaced,
    upstream,
    timeout
};

std::string_view name(Action a);
std::string_view name(Protocol p);
std::string_view name(SessionState s);
std::string_view name(EndReason r); // "" for none
std::optional<Action> parse_action(std::string_view text);
std::optional<Protocol> parse_protocol(std::string_view text);
std::optional<SessionState> parse_session_state(std::string_view text);
std::optional<EndReason> parse_end_reason(std::string_view text);

// Trivially copyable: it lies in shared memory.  The store gets a copy.
struct Session {
    Id id;
    Id stream_id;
    Id token_id; // empty: a public stream's viewer
    Id user_id;
    Id host; // another nginx that has it; empty: this one (in the store: see there)
    Action action = Action::play;
    Protocol protocol = Protocol::hls;
    SessionState state = SessionState::connecting;
    EndReason end_reason = EndReason::none;
    Fixed<45> client_ip;
    Fixed<127> user_agent;
    Fixed<64> viewer_ref;
    Fixed<31> node;
    WallMs started_at = 0;
    WallMs seen_at = 0;   // last sign of life
    WallMs active_at = 0; // first media; 0: none yet
    WallMs ended_at = 0;  // 0: lives
    int64_t bytes_in = 0;
    int64_t bytes_out = 0;
    int32_t owner_pid = 0; // the worker that holds it; 0: an SRS node does
    Fixed<255> upstream_resource; // SRS's Location: path and query
    // What the node calls it; empty until its hook, or its API, has told.
    Fixed<15> srs_client;
    Fixed<15> srs_service; // the run of the process that client lives in
    Fixed<15> srs_stream;  // of its statistics
    WallMs linked_at = 0;  // when that was told

    // It is over, or (as the store has it) its host was told to end it.
    bool ends() const {
        return state == SessionState::closed || end_reason != EndReason::none;
    }
    // A media server has its connection, and no worker.
    bool at_node() const { return owner_pid == 0 && !node.empty(); }
    // It has said how the session is called there; before, nobody can end it.
    bool named() const {
        return !srs_client.empty() || !upstream_resource.empty();
    }
};

} // namespace ks::model
