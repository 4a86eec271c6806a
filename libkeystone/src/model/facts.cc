// From the truth in the store to what lies in shared memory.
#include "model/stream.h"
#include "model/token.h"

namespace ks::model {

namespace {

// Half an entry could be another site or a wider block, and an empty list
// means "any": so only whole ones, and never none of many.
template <size_t N> Fixed<N> join(const std::vector<std::string> &entries) {
    std::string text;
    for (const std::string &entry : entries) {
        if (entry.empty() || text.size() + entry.size() + 1 > N) {
            continue;
        }
        if (!text.empty()) {
            text += ' ';
        }
        text += entry;
    }
    if (text.empty() && !entries.empty()) {
        text = "-"; // no address, no origin
    }
    return Fixed<N>(text);
}

} // namespace

StreamFacts facts_of(const Stream &stream) {
    StreamFacts facts;
    facts.id = stream.id;
    facts.owner_id = stream.owner_id;
    facts.exists = true;
    facts.enabled = stream.enabled;
    facts.visibility = stream.visibility;
    facts.takeover = stream.takeover;
    facts.max_viewers = stream.max_viewers;
    facts.reconnect_window_seconds = stream.reconnect_window_seconds;
    facts.allowed_origins = join<kMaxOriginsText>(stream.allowed_origins);
    return facts;
}

TokenFacts facts_of(const Token &token) {
    TokenFacts facts;
    facts.id = token.id;
    facts.stream_id = token.stream_id;
    facts.exists = true;
    facts.stream_key = token.stream_key;
    facts.kind = token.kind;
    facts.max_uses = token.max_uses;
    facts.uses = token.uses;
    facts.expires_at = token.expires_at;
    facts.revoked_at = token.revoked_at;
    facts.allowed_ips = join<kMaxTokenIpsText>(token.allowed_ips);
    facts.allowed_origins = join<kMaxTokenOriginsText>(token.allowed_origins);
    facts.viewer_ref.assign(token.viewer_ref);
    return facts;
}

std::optional<std::string_view> presented_token(std::string_view text) {
    std::string_view token = trim(text);
    if (token.empty() || token == "undefined") {
        return std::nullopt;
    }
    return token;
}

} // namespace ks::model
