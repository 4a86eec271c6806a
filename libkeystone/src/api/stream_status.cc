// GET /v1/streams/{id}/status: for everybody, unless the stream is private.
#include "api/handlers.h"
#include "api/stream_json.h"

#include "codec/uri.h"
#include "model/policy.h"

namespace ks::api {

namespace {

// The credential as it was sent: a user's access token or a stream's token.
std::string credential_of(const codec::RequestView &request) {
    if (auto token = codec::bearer(request.header("Authorization"))) {
        return std::string(*token);
    }
    auto query = codec::Query::parse(request.query);
    if (!query) {
        return {};
    }
    auto token = query->get("token");
    return token && *token ? std::string(**token) : std::string();
}

bool token_opens(const model::TokenFacts &token, const Id &stream,
                 const codec::RequestView &request, WallMs now) {
    return token.exists && token.stream_id == stream && token.revoked_at == 0 &&
           (token.expires_at == 0 || token.expires_at > now) &&
           (token.allowed_ips.empty() ||
            model::ip_matches(token.allowed_ips.view(), request.client_ip));
}

codec::Response status_answer(Context &ctx, const model::StreamFacts &stream) {
    WallMs now = ctx.loop.wall();
    auto live = zone::Sessions(ctx.zone).find_live(stream.id, now);
    codec::Response response = json_answer(
        200, status_json(stream.enabled, live ? &*live : nullptr, now));
    if (stream.visibility == model::Visibility::private_) {
        response.add("Cache-Control", "private, max-age=1");
        response.add("Vary", "Authorization");
    } else {
        response.add("Cache-Control", "public, max-age=1");
    }
    return response;
}

enum class Sight : uint8_t { shown, hidden, by_token };

// Whether the credential alone decides it; else the token has to be looked up.
Sight sight_of(const Context &ctx, const model::StreamFacts &stream,
               std::string_view credential) {
    if (!stream.exists) {
        return Sight::hidden;
    }
    if (stream.visibility != model::Visibility::private_) {
        return Sight::shown;
    }
    if (codec::is_jwt_shaped(credential)) {
        auto who = ctx.access.verify_token(credential);
        return who && who->may_see(stream.owner_id) ? Sight::shown
                                                    : Sight::hidden;
    }
    return model::presented_token(credential) ? Sight::by_token : Sight::hidden;
}

} // namespace

Quick stream_status_cached(Context &ctx, const codec::RequestView &request,
                           const Ask &ask, Labels &labels) {
    model::StreamFacts stream;
    if (!ctx.store.streams().facts_cached(ask.id, stream)) {
        return std::nullopt;
    }
    Sight sight = Sight::shown;
    if (!stream.exists || stream.visibility == model::Visibility::private_) {
        std::string credential = credential_of(request);
        sight = sight_of(ctx, stream, credential);
        if (sight == Sight::by_token) {
            model::TokenFacts token;
            auto text = model::presented_token(credential);
            if (!ctx.store.tokens().facts_cached(sha256(*text), token)) {
                return std::nullopt;
            }
            sight = token_opens(token, ask.id, request, ctx.loop.wall())
                        ? Sight::shown
                        : Sight::hidden;
        }
    }
    return sight == Sight::shown ? status_answer(ctx, stream)
                                 : not_found(request, labels);
}

Reply stream_status(Context &ctx, Call &call) {
    auto stream = co_await ctx.store.streams().facts(call.ask.id);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    std::string credential = credential_of(call.request);
    Sight sight = sight_of(ctx, *stream, credential);
    if (sight == Sight::by_token) {
        Sha256 hash = sha256(*model::presented_token(credential));
        auto token = co_await ctx.store.tokens().facts(hash);
        if (!token) {
            co_return refuse(call, token.error());
        }
        if (token_opens(*token, call.ask.id, call.request, ctx.loop.wall())) {
            sight = Sight::shown;
        }
    }
    if (sight != Sight::shown) {
        co_return not_found(call.request, call.labels);
    }
    co_return status_answer(ctx, *stream);
}

} // namespace ks::api
