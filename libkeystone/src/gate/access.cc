#include "gate/access.h"

#include "codec/uri.h"
#include "gate/bans.h"
#include "zone/sessions.h"

namespace ks::gate {

using model::StreamFacts;
using model::TokenFacts;

namespace {

// Ids are made by us; another name cannot be one of ours, and is not looked up.
bool may_exist(std::string_view stream) {
    return is_id(prefix::kStream, stream);
}

// Its id is kept only if it is one: names end in logs, and may be a key.
StreamFacts no_stream(std::string_view name) {
    StreamFacts facts;
    if (may_exist(name)) {
        facts.id = Id(name);
    }
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

bool Access::warm(const Question &q, Decision &d) {
    std::string_view credential = presented(q);
    if (may_be_token(credential) &&
        !store_.tokens().facts_cached(sha256(credential), d.token)) {
        return false;
    }
    std::string_view name =
        q.stream.empty() ? d.token.stream_id.view() : q.stream;
    if (!may_exist(name)) {
        d.stream = no_stream(name);
    } else if (!store_.streams().facts_cached(Id(name), d.stream)) {
        return false;
    }
    judge(q, !credential.empty(), d);
    return true;
}

rt::Task<Decision> Access::authorize(Question q) {
    Decision d;
    if (warm(q, d)) {
        co_return d;
    }
    d = Decision();
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
    if (may_be_token(credential)) {
        Sha256 hash = sha256(credential);
        auto found = co_await store_.tokens().facts(hash);
        if (!found) {
            refuse(q, found.error(), d);
            co_return d;
        }
        d.token = *found;
    }
    Id name(q.stream.empty() ? d.token.stream_id.view() : q.stream);
    d.stream = no_stream(name.view());
    if (may_exist(q.stream.empty() ? name.view() : q.stream)) {
        auto found = co_await store_.streams().facts(name);
        if (!found) {
            refuse(q, found.error(), d);
            co_return d;
        }
        d.stream = *found;
    }
    judge(q, !credential.empty(), d);
    co_return d;
}

void Access::refuse(const Question &q, const Error &error, Decision &d) {
    d.verdict.code = error.code;
    d.verdict.retry_after_s = error.retry_after_s;
    zone_.counters().decided(q.protocol, q.action, error.code);
}

void Access::judge(const Question &q, bool has_credential, Decision &d) {
    model::Ask ask;
    ask.action = q.action;
    ask.protocol = q.protocol;
    ask.client_ip = q.client_ip;
    ask.origin = q.origin;
    ask.has_credential = has_credential;
    ask.in_session = q.in_session;
    ask.now = loop_.wall();

    // In place, under the lock of the record: decide() only computes.
    bool live =
        d.stream.exists &&
        zone_.live().peek(d.stream.id, ask.now, [&](const zone::LiveRecord &r) {
            d.publisher = r.live.publisher;
            d.term = r.term;
            d.node = r.live.node;
            d.verdict = decide(d.stream, d.token, &r.live, ask);
        });
    if (!live) {
        d.verdict = decide(d.stream, d.token, nullptr, ask);
    }

    if (d.allowed()) {
        Millis left = banned(zone_, q.action, d.stream.id.view(),
                             d.token.id.view(), q.client_ip, loop_.now());
        if (left > 0) {
            d.verdict.code = Code::banned;
            d.verdict.retry_after_s = static_cast<int>(left / kSecond) + 1;
        }
    }
    if (!q.again || !d.allowed()) {
        zone_.counters().decided(q.protocol, q.action, d.verdict.code);
    }
}

// A decision that waited for the store is one of then, not of now: what it was
// made of may have been taken out of the zone meanwhile.
rt::Task<model::Verdict> Access::confirm(Question q) {
    constexpr int kLooks = 2; // without a store nothing is ever warm
    q.in_session = q.again = true;
    Decision d;
    for (int i = 0; i < kLooks; i++) {
        d = Decision();
        if (warm(q, d)) {
            break;
        }
        d = co_await authorize(q);
        if (!d.allowed()) {
            break;
        }
    }
    co_return d.verdict;
}

rt::Task<Result<void>> Access::spend(TokenFacts token) {
    if (token.max_uses == 0) {
        co_return Result<void>();
    }
    Id id = token.id;
    auto spent = co_await store_.tokens().spend_use(id);
    co_return spent;
}

void Access::unspend(const TokenFacts &token) {
    if (token.max_uses > 0) {
        loop_.spawn(give_back(token.id));
    }
}

rt::Task<void> Access::give_back(Id token) {
    auto done = co_await store_.tokens().unspend_use(token);
    if (!done) {
        loop_.log(rt::LogLevel::warn,
                  "a use of token " + token.str() +
                      " could not be given back: " + done.error().detail);
    }
}

} // namespace ks::gate
