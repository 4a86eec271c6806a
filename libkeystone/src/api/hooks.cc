// POST /v1/hooks/{event} and /v1/hooks/srs: SRS asks and tells (gate/hooks.h).
// Any status but 200 makes every protocol of SRS refuse.
#include "gate/hooks.h"

#include "api/handlers.h"
#include "base/bytes.h"
#include "codec/uri.h"
#include "srs/hook.h"

namespace ks::api {

namespace {

// SRS reads nothing else in it; the second is what it wants of on_forward.
constexpr std::string_view kAllowed = R"({"code":0})";
constexpr std::string_view kForward = R"({"code":0,"data":{"urls":[]}})";

} // namespace

// A secret in the address is the only way SRS can show who it is.
std::optional<Error> check_hook_secret(const Context &ctx,
                                       const codec::RequestView &request) {
    if (ctx.config.hook_secrets.empty() || ctx.hooks == nullptr) {
        return Error(Code::forbidden,
                     "Hooks are off: the administrator adds hook_secret to the "
                     "keystone block.");
    }
    std::string given = codec::query_value(request.query, "k").value_or("");
    for (const Secret &secret : ctx.config.hook_secrets) {
        if (equal_constant_time(given, secret.reveal())) {
            return std::nullopt;
        }
    }
    return Error(Code::forbidden,
                 "The secret in the address of the hook, ?k=..., is not "
                 "hook_secret of the keystone block.");
}

Reply srs_hook(Context &ctx, Call &call) {
    std::string_view path = call.request.uri;
    std::string_view word = path.substr(path.rfind('/') + 1);
    auto hook = srs::read_hook(call.request.body, srs::parse_event(word));
    if (!hook) {
        co_return refuse(call, hook.error());
    }
    bool forward = hook->event == srs::Event::forward;
    std::string what(srs::name(hook->event));
    what += " of client " + hook->client_id;
    if (is_id(prefix::kStream, hook->stream)) {
        call.labels.stream = Id(hook->stream);
    }
    std::string node =
        codec::query_value(call.request.query, "node").value_or("");
    auto verdict = co_await ctx.hooks->take(std::move(*hook), std::move(node));
    if (!verdict) {
        ctx.loop.log(
            rt::LogLevel::notice,
            what + " refused: " + std::string(code_name(verdict.error().code)));
        co_return refuse(call, verdict.error());
    }
    co_return json_answer(200, std::string(forward ? kForward : kAllowed));
}

} // namespace ks::api
