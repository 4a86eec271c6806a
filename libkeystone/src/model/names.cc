// The words of the wire, one table for each enum.
#include "model/session.h"
#include "model/stream.h"
#include "model/token.h"
#include "model/user.h"

#include <iterator>

namespace ks::model {

namespace {

constexpr std::string_view kVisibility[] = {"public", "unlisted", "private"};
constexpr std::string_view kTakeover[] = {"same_credential", "reject",
                                          "replace"};
constexpr std::string_view kStatus[] = {"idle", "connecting", "active",
                                        "reconnecting", "disabled"};
constexpr std::string_view kAction[] = {"publish", "play"};
constexpr std::string_view kProtocol[] = {"whip", "whep", "rtmp",
                                          "srt",  "hls",  "flv"};
constexpr std::string_view kSessionState[] = {"connecting", "active", "closed"};
constexpr std::string_view kEndReason[] = {"",         "client",   "kicked",
                                           "revoked",  "expired",  "disabled",
                                           "replaced", "upstream", "timeout"};
constexpr std::string_view kTokenKind[] = {"publish", "play"};
constexpr std::string_view kRole[] = {"user", "admin"};

// A value that lay in shared memory may be damaged: never out of the table.
template <class E, size_t N>
std::string_view word(const std::string_view (&table)[N], E value) {
    auto i = static_cast<size_t>(value);
    return i < N ? table[i] : std::string_view("unknown");
}

template <class E, size_t N>
std::optional<E> value(const std::string_view (&table)[N],
                       std::string_view text) {
    for (size_t i = 0; i < N; i++) {
        if (!text.empty() && table[i] == text) {
            return static_cast<E>(i);
        }
    }
    return std::nullopt;
}

} // namespace

std::string_view name(Visibility v) { return word(kVisibility, v); }
std::string_view name(Takeover t) { return word(kTakeover, t); }
std::string_view name(Status s) { return word(kStatus, s); }
std::string_view name(Action a) { return word(kAction, a); }
std::string_view name(Protocol p) { return word(kProtocol, p); }
std::string_view name(SessionState s) { return word(kSessionState, s); }
std::string_view name(EndReason r) { return word(kEndReason, r); }
std::string_view name(TokenKind k) { return word(kTokenKind, k); }
std::string_view name(Role r) { return word(kRole, r); }

std::optional<Visibility> parse_visibility(std::string_view text) {
    return value<Visibility>(kVisibility, text);
}
std::optional<Takeover> parse_takeover(std::string_view text) {
    return value<Takeover>(kTakeover, text);
}
std::optional<Status> parse_status(std::string_view text) {
    return value<Status>(kStatus, text);
}
std::optional<Action> parse_action(std::string_view text) {
    return value<Action>(kAction, text);
}
std::optional<Protocol> parse_protocol(std::string_view text) {
    return value<Protocol>(kProtocol, text);
}
std::optional<SessionState> parse_session_state(std::string_view text) {
    return value<SessionState>(kSessionState, text);
}
std::optional<EndReason> parse_end_reason(std::string_view text) {
    return value<EndReason>(kEndReason, text);
}
std::optional<TokenKind> parse_token_kind(std::string_view text) {
    return value<TokenKind>(kTokenKind, text);
}
std::optional<Role> parse_role(std::string_view text) {
    return value<Role>(kRole, text);
}

std::string_view wire_prefix(TokenKind k) {
    return k == TokenKind::publish ? "ks_pub_" : "ks_play_";
}

} // namespace ks::model
