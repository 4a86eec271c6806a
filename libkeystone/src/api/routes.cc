// The table of resources.
#include "api/handlers.h"
#include "gate/limits.h"

namespace ks::api {

namespace {

constexpr auto kNone = Body::none;
constexpr auto kMaybe = Body::optional;
constexpr auto kBody = Body::required;
constexpr auto kReplays = Replays::yes;
constexpr auto kOnce = Replays::no;

// Most asked for first.
constexpr Route kRoutes[] = {
    {"GET", "streams/{id}", Auth::user, kNone, get_stream, get_stream_cached},
    {"GET", "streams/{id}/status", Auth::none, kNone, stream_status,
     stream_status_cached},
    {"GET", "live-streams", Auth::none, kNone, list_live, list_live_cached},
    {"GET", "streams", Auth::user, kNone, list_streams, list_streams_cached},
    {"POST", "streams", Auth::user, kBody, create_stream, nullptr, kReplays},
    {"PATCH", "streams/{id}", Auth::user, kBody, patch_stream},
    {"DELETE", "streams/{id}", Auth::user, kNone, delete_stream},
    {"POST", "streams/{id}/reset-key", Auth::user, kMaybe, reset_key, nullptr,
     kReplays},
    {"POST", "streams/{id}/enable", Auth::user, kMaybe, enable_stream, nullptr,
     kReplays},
    {"POST", "streams/{id}/disable", Auth::user, kMaybe, disable_stream,
     nullptr, kReplays},
    {"POST", "streams/{id}/kick", Auth::user, kMaybe, kick_publisher},
    {"GET", "streams/{id}/connect", Auth::user, kNone, connect_stream},
    {"GET", "streams/{id}/tokens", Auth::user, kNone, list_tokens},
    {"POST", "streams/{id}/tokens", Auth::user, kBody, create_token, nullptr,
     kReplays, gate::limit::kToken},
    {"GET", "sessions", Auth::user, kNone, list_sessions},
    {"GET", "streams/{id}/sessions", Auth::user, kNone, list_stream_sessions},
    {"GET", "sessions/{id}", Auth::user, kNone, get_session},
    {"DELETE", "sessions/{id}", Auth::user, kNone, kick_session},
    {"DELETE", "tokens/{id}", Auth::user, kNone, revoke_token},
    {"POST", "hooks/srs", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_connect", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_close", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_publish", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_unpublish", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_play", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_stop", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_dvr", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_hls", Auth::srs, kBody, srs_hook},
    {"POST", "hooks/on_forward", Auth::srs, kBody, srs_hook},
    {"GET", "nodes", Auth::admin, kNone, list_nodes},
    {"POST", "auth/register", Auth::none, kBody, register_user, nullptr,
     kReplays, gate::limit::kRegister},
    // No replays here: what the first answer gave may be spent by now.
    {"POST", "auth/login", Auth::none, kBody, log_in, nullptr, kOnce,
     gate::limit::kLogin},
    {"POST", "auth/refresh", Auth::none, kMaybe, refresh_login, nullptr, kOnce,
     gate::limit::kRefresh},
    {"POST", "auth/logout", Auth::none, kMaybe, log_out},
    {"POST", "auth/password", Auth::user, kBody, change_password, nullptr,
     kOnce, gate::limit::kLogin},
    {"GET", "auth/sessions", Auth::user, kNone, list_logins},
    {"DELETE", "auth/sessions/{id}", Auth::user, kNone, end_login},
    {"GET", "auth/me", Auth::user, kNone, get_me},
    {"PATCH", "auth/me", Auth::user, kBody, patch_me},
};

} // namespace

std::span<const Route> routes() { return kRoutes; }

} // namespace ks::api
