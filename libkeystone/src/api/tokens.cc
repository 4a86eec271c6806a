// POST GET /v1/streams/{id}/tokens, DELETE /v1/tokens/{id}
#include "api/handlers.h"
#include "api/input.h"

#include "model/policy.h"

namespace ks::api {

namespace {

constexpr int64_t kUsualLife = 24 * 3600; // seconds
constexpr int64_t kLongestLife = 366 * 24 * 3600;
constexpr int64_t kMaxUses = 1'000'000'000;

void write_list(codec::JsonWriter &out, std::string_view name,
                const std::vector<std::string> &texts) {
    out.key(name).begin_array();
    for (const std::string &text : texts) {
        out.string(text);
    }
    out.end_array();
}

void write_members(codec::JsonWriter &out, const model::Token &token) {
    out.member("id", token.id.view());
    out.member("stream_id", token.stream_id.view());
    out.member("kind", model::name(token.kind));
    out.member("label", token.label);
    out.member_or_null("viewer_ref", token.viewer_ref);
    out.member("max_uses", token.max_uses);
    out.member("uses", token.uses);
    write_list(out, "allowed_ips", token.allowed_ips);
    write_list(out, "allowed_origins", token.allowed_origins);
    out.member_or_null("created_by", token.created_by.view());
    out.member_time("created_at", token.created_at);
    out.member_time("expires_at", token.expires_at);
    out.member_time("revoked_at", token.revoked_at);
}

// Ready to use.  A token is of base62 and '_': nothing to escape.
void write_urls(codec::JsonWriter &out, const Bases &bases,
                const model::Token &token, std::string_view text) {
    std::string_view id = token.stream_id.view();
    std::string query = "?token=";
    query += text;
    out.key("urls").begin_object();
    if (token.kind == model::TokenKind::publish) {
        out.member("whip", bases.whip(id) + query);
        out.member("rtmp", bases.rtmp_url(id) + query);
        out.member("srt", bases.srt_publish(id, text));
    } else {
        out.member("hls", bases.playlist(id, text));
        out.member("whep", bases.whep(id) + query);
        out.member("rtmp", bases.rtmp_url(id) + query);
        out.member("page", bases.page(id) + query);
    }
    out.end_object();
}

struct TokenInput {
    model::Token token;
    std::vector<codec::FieldError> wrong;
};

TokenInput read_token(const codec::Json &body, WallMs now) {
    TokenInput input;
    model::Token &t = input.token;
    codec::FieldReader in(body);
    const codec::Need required{.required = true};
    auto kind = in.choice<model::TokenKind>("kind", model::parse_token_kind,
                                            "publish or play", required);
    auto ttl = in.integer("ttl_seconds", {.min = 1, .max = kLongestLife});
    auto label = in.string("label", {.max = 100, .nullable = true});
    auto uses =
        in.integer("max_uses", {.min = 1, .max = kMaxUses, .nullable = true});
    auto single = in.boolean("single_use");
    auto ips = in.strings(
        "allowed_ips",
        {.max_joined = model::kMaxTokenIpsText,
         .valid = model::is_ip_rule,
         .hint =
             "an address or a block such as 192.0.2.0/24 or 2001:db8::/32"});
    auto origins = in.strings(
        "allowed_origins", {.max_joined = model::kMaxTokenOriginsText,
                            .valid = model::is_origin,
                            .hint = "an origin such as https://example.org"});
    auto viewer = in.string("viewer_ref", {.max = model::kMaxViewerRef,
                                           .nullable = true,
                                           .unit = codec::Unit::bytes});
    if (single && *single && uses && *uses != 1) {
        in.add("max_uses", "invalid_value",
               "must be 1 or left out with single_use");
    }
    input.wrong = in.finish();

    t.kind = kind.value_or(model::TokenKind::play);
    t.expires_at = now + ttl.value_or(kUsualLife) * kSecond;
    t.label = label.value_or("");
    t.max_uses = static_cast<int>(uses.value_or(0));
    if (single.value_or(false)) {
        t.max_uses = 1;
    }
    t.allowed_ips = ips.value_or({});
    t.allowed_origins = origins.value_or({});
    t.viewer_ref = viewer.value_or("");
    return input;
}

} // namespace

Reply create_token(Context &ctx, Call &call) {
    auto body = read_body(call);
    if (!body) {
        co_return refuse(call, body.error());
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    TokenInput input = read_token(*body, ctx.loop.wall());
    if (!input.wrong.empty()) {
        co_return refuse_fields(call, input.wrong);
    }
    input.token.stream_id = stream->id;
    input.token.created_by = call.ask.who.user;
    auto made = co_await ctx.store.tokens().create(std::move(input.token));
    if (!made) {
        co_return refuse(call, made.error());
    }
    codec::JsonWriter out(1536);
    out.begin_object();
    write_members(out, made->token);
    out.member("token", made->text.reveal());
    write_urls(out, ctx.urls.bases(call.request), made->token,
               made->text.reveal());
    out.end_object();
    co_return json_answer(201, out.take());
}

Reply list_tokens(Context &ctx, Call &call) {
    QueryReader in(call.request.query);
    store::PageAsk ask = in.page();
    if (!in.wrong().empty()) {
        co_return refuse_fields(call, in.wrong());
    }
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    auto page = co_await ctx.store.tokens().list(stream->id, ask);
    if (!page) {
        co_return refuse(call, page.error());
    }
    auto write = [](codec::JsonWriter &out, const model::Token &token) {
        out.begin_object();
        write_members(out, token);
        out.end_object();
    };
    co_return json_answer(200, page_json(*page, write));
}

Reply revoke_token(Context &ctx, Call &call) {
    auto token = co_await ctx.store.tokens().by_id(call.ask.id);
    bool missing = !token && token.error().code == Code::not_found;
    // A stream key goes by reset-key: a stream is never without one.
    if (missing || (token && token->stream_key)) {
        co_return not_found(call.request, call.labels);
    }
    if (!token) {
        co_return refuse(call, token.error());
    }
    auto stream = co_await ctx.store.streams().get(token->stream_id);
    bool hidden = stream ? !call.ask.who.may_see(stream->owner_id)
                         : stream.error().code == Code::not_found;
    if (hidden) {
        co_return not_found(call.request, call.labels);
    }
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    call.labels.stream = token->stream_id;
    auto revoked = co_await ctx.store.tokens().revoke(call.ask.id);
    if (!revoked) {
        co_return refuse(call, revoked.error());
    }
    ctx.sessions.end_token(revoked->stream_id, revoked->id,
                           model::EndReason::revoked);
    co_return no_content();
}

} // namespace ks::api
