#include "gate/access.h"

#include "codec/uri.h"
#include "zone/sessions.h"

namespace ks::gate {

using model::StreamFacts;
using model::TokenFacts;

namespace {

// Ids are made by us; another name cannot be one of ours, and is not looked up.
bool may_exist(std::string_view stream) {
    return is_id(prefix::kStream, stream);
}

StreamFacts no_stream(std::string_view name) {
    StreamFacts facts;
    facts.id = Id(name);
    return facts;
}

std::string_view presented(const Question &q) {
    return model::presented_token(q.credential).value_or(std::string_view());
}

// A text that cannot be a token costs no look-up.
bool may_be_token(std::string_view text) {
    return text.size() <= 64 &&
           (text.starts_with("ks_pub_") || text.starts_with("ks_play_"));
}

} // namespace

std::string explain(Code code, std::string_view stream) {
    std::string name = "Stream \"" + std::string(stream) + "\" ";
    switch (code) {
    case Code::unauthorized:
        return "A valid stream key or token is needed. Check that it was "
               "copied whole.";
    case Code::token_expired:
        return "The token has expired. Ask for a new one.";
    case Code::token_revoked:
        return "The token was revoked or is used up. Ask for a new one.";
    case Code::wrong_stream:
        return "The token belongs to another stream.";
    case Code::forbidden:
        return "The token is for playing, not for publishing. Use the stream "
               "key.";
    case Code::stream_disabled:
        return name + "is disabled. Its owner can enable it.";
    case Code::banned:
        return "This credential or address is shut out for a while.";
    case Code::origin_not_allowed:
        return "Pages of this origin may not use it.";
    case Code::ip_not_allowed:
        return "The token may not be used from this address.";
    case Code::already_publishing:
        return name + "is being published by someone else. Stop that one, or "
                      "try again when it has gone.";
    case Code::not_live:
        return name + "is not live. Try again when it is.";
    case Code::not_found:
        return "There is no such stream.";
    case Code::viewer_limit:
        return name + "has as many viewers as it may have.";
    case Code::store_unavailable:
        return "The database cannot be reached. Try again in a moment.";
    default:
        return std::string(code_title(code)) + ".";
    }
}

std::optional<Decision> Access::warm(const Question &q) {
    std::string_view credential = presented(q);
    TokenFacts token;
    if (may_be_token(credential) &&
        !store_.tokens().facts_cached(sha256(credential), token)) {
        return std::nullopt;
    }
    std::string_view name =
        q.stream.empty() ? token.stream_id.view() : q.stream;
    StreamFacts stream = no_stream(name);
    if (may_exist(name) && !store_.streams().facts_cached(Id(name), stream)) {
        return std::nullopt;
    }
    return judge(q, stream, token, !credential.empty());
}

rt::Task<Decision> Access::authorize(Question q) {
    std::optional<Decision> now = warm(q);
    if (now) {
        co_return std::move(*now);
    }
    std::string text;
    text.reserve(q.stream.size() + q.credential.size() + q.client_ip.size() +
                 q.origin.size());
    for (std::string_view *view :
         {&q.stream, &q.credential, &q.client_ip, &q.origin}) {
        size_t at = text.size();
        text.append(*view);
        *view = std::string_view(text).substr(at);
    }

    std::string_view credential = presented(q);
    TokenFacts token;
    if (may_be_token(credential)) {
        Sha256 hash = sha256(credential);
        auto found = co_await store_.tokens().facts(hash);
        if (!found) {
            Decision failed;
            failed.verdict.code = found.error().code;
            failed.verdict.retry_after_s = found.error().retry_after_s;
            co_return failed;
        }
        token = *found;
    }
    Id name(q.stream.empty() ? token.stream_id.view() : q.stream);
    StreamFacts stream = no_stream(name.view());
    if (may_exist(q.stream.empty() ? name.view() : q.stream)) {
        auto found = co_await store_.streams().facts(name);
        if (!found) {
            Decision failed;
            failed.verdict.code = found.error().code;
            failed.verdict.retry_after_s = found.error().retry_after_s;
            co_return failed;
        }
        stream = *found;
    }
    co_return judge(q, stream, token, !credential.empty());
}

Decision Access::judge(const Question &q, const StreamFacts &stream,
                       const TokenFacts &token, bool has_credential) {
    Decision d;
    d.stream = stream;
    d.token = token;

    WallMs now = loop_.wall();
    zone::LiveRecord record;
    const model::Live *live = nullptr;
    if (stream.exists && zone_.live().find(stream.id, now, &record)) {
        live = &record.live;
        d.publisher = live->publisher;
        d.node = live->node;
    }
    model::Ask ask;
    ask.action = q.action;
    ask.protocol = q.protocol;
    ask.client_ip = q.client_ip;
    ask.origin = q.origin;
    ask.has_credential = has_credential;
    ask.in_session = q.in_session;
    ask.now = now;
    d.verdict = decide(stream, token, live, ask);

    if (d.allowed() && q.action == model::Action::publish) {
        Millis mono = loop_.now();
        Millis left = zone_.banned(stream.id.view(), token.id.view(), mono);
        if (left == 0) {
            left = zone_.banned(stream.id.view(), q.client_ip, mono);
        }
        if (left > 0) {
            d.verdict.code = Code::banned;
            d.verdict.retry_after_s = static_cast<int>(left / kSecond) + 1;
        }
    }
    zone_.counters().decided(q.protocol, q.action, d.verdict.code);
    return d;
}

rt::Task<Result<void>> Access::spend(TokenFacts token) {
    if (token.max_uses == 0) {
        co_return Result<void>();
    }
    Id id = token.id;
    auto spent = co_await store_.tokens().spend_use(id);
    co_return spent;
}

} // namespace ks::gate
