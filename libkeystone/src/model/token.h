// A grant: publish or play one stream.  A stream key is a publish token that
// does not expire: one table, one look-up.
#pragma once

#include "base/hash.h"
#include "base/id.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::model {

enum class TokenKind : uint8_t { publish, play };

std::string_view name(TokenKind k);
std::optional<TokenKind> parse_token_kind(std::string_view text);
std::string_view wire_prefix(TokenKind k); // "ks_pub_", "ks_play_"

struct Token {
    Id id;
    Id stream_id;
    Sha256 hash{};
    TokenKind kind = TokenKind::play;
    bool stream_key = false;
    std::string label;
    std::string viewer_ref;
    int max_uses = 0; // 0: no limit; single_use is 1
    int uses = 0;
    std::vector<std::string> allowed_ips; // addresses or CIDR
    std::vector<std::string> allowed_origins;
    Id created_by;
    WallMs created_at = 0;
    WallMs expires_at = 0; // 0: never
    WallMs revoked_at = 0; // 0: not
};

// What decide() reads.  Trivially copyable: it lies in shared memory.
struct TokenFacts {
    Id id;
    Id stream_id;
    bool exists = false; // false: a cached "no such token"
    bool stream_key = false;
    TokenKind kind = TokenKind::play;
    int32_t max_uses = 0;
    int32_t uses = 0; // as last read; the store decides a race
    WallMs expires_at = 0;
    WallMs revoked_at = 0;
    Fixed<127> allowed_ips; // joined by a blank
    Fixed<255> allowed_origins;
    Fixed<64> viewer_ref;
    Millis read_at = 0; // from the store, monotonic: for the cache
};

constexpr size_t kMaxTokenIpsText = 127;
constexpr size_t kMaxTokenOriginsText = 255;
constexpr size_t kMaxViewerRef = 64;

TokenFacts facts_of(const Token &token);

// Takes what a client sent as its credential.  Nothing for empty, blank, and
// "undefined" (what a popular WHIP client sends without a key).
std::optional<std::string_view> presented_token(std::string_view text);

} // namespace ks::model
