#include "api/replay.h"

#include "api/answer.h"
#include "api/seal.h"

#include <algorithm>
#include <vector>

namespace ks::api {

namespace {

constexpr std::string_view kHeader = "Idempotency-Key";
constexpr size_t kMaxKey = 128;

bool is_key(std::string_view text) {
    auto visible = [](char c) { return c > ' ' && c < 0x7f; };
    return !text.empty() && text.size() <= kMaxKey &&
           std::all_of(text.begin(), text.end(), visible);
}

// Keyed, because a body may hold a password.
Sha256 request_hash(const Secret &secret, const Call &call) {
    std::string text(call.request.method);
    text += '\n';
    text += below_v1(call.request.uri).value_or("");
    text += '\n';
    text += call.request.query;
    text += '\n';
    text += call.request.body;
    return hmac_sha256(secret.reveal(), text);
}

// "Name: value\n" of each header, "\n", body.
std::string pack(const codec::Response &response) {
    std::string text;
    for (const auto &h : response.headers) {
        text += h.name + ": " + h.value + "\n";
    }
    return text + "\n" + response.body;
}

codec::Response unpack(int status, std::string_view text) {
    codec::Response response;
    response.status = static_cast<unsigned>(status);
    while (!text.empty() && text[0] != '\n') {
        std::string_view line = text.substr(0, text.find('\n'));
        size_t colon = line.find(": ");
        response.add(line.substr(0, colon), line.substr(colon + 2));
        text.remove_prefix(line.size() + 1);
    }
    response.body = text.empty() ? text : text.substr(1);
    return response;
}

} // namespace

bool Replay::asked(const Call &call) {
    return call.ask.route->replays == Replays::yes &&
           !call.request.header(kHeader).empty();
}

rt::Task<codec::Response> Replay::run(Context &ctx,
                                      std::shared_ptr<Call> call) {
    std::string key(call->request.header(kHeader));
    if (!is_key(key)) {
        co_return refuse(*call, Error(Code::invalid_request,
                                      "Idempotency-Key must be 1 to 128 "
                                      "visible ASCII characters."));
    }
    std::string owner = call->ask.who.known() ? call->ask.who.user.str()
                                              : std::string("nobody");
    // Who sends the same at the same time through the same worker waits here;
    // through another worker it is told to come again.
    std::string flight =
        owner + "\n" + key + "\n" +
        hex_encode(request_hash(config_.jwt_secrets.front(), *call));
    auto work = [this, &ctx, call, owner, key] {
        return first_or_again(ctx, call, owner, key);
    };
    decltype(flights_)::Load load = std::move(work);
    auto got = co_await flights_.join(std::move(flight), std::move(load));
    if (!got) {
        co_return refuse(*call, got.error());
    }
    co_return std::move(*got);
}

rt::Task<Result<codec::Response>>
Replay::first_or_again(Context &ctx, std::shared_ptr<Call> call,
                       std::string owner, std::string key) {
    // The first request may have come before the secret was changed.
    Sha256 request = request_hash(config_.jwt_secrets.front(), *call);
    std::vector<Sha256> also;
    for (size_t i = 1; i < config_.jwt_secrets.size(); i++) {
        also.push_back(request_hash(config_.jwt_secrets[i], *call));
    }
    auto claim = co_await store_.claim(owner, key, request, std::move(also));
    if (!claim) {
        co_return claim.error();
    }
    switch (claim->kind) {
    case store::Claim::running:
        co_return Error(Code::conflict,
                        "The first request with this Idempotency-Key is "
                        "still being worked on. Ask again in a moment.",
                        1);
    case store::Claim::other:
        co_return Error(Code::idempotency_mismatch,
                        "This Idempotency-Key was used for another request "
                        "in the last 24 hours. Use a new one.");
    case store::Claim::done:
        co_return again(*call, owner, key, *claim);
    case store::Claim::mine:
        break;
    }
    auto answer = co_await first(ctx, call, owner, key);
    co_return std::move(answer);
}

rt::Task<Result<codec::Response>> Replay::first(Context &ctx,
                                                std::shared_ptr<Call> call,
                                                std::string owner,
                                                std::string key) {
    Result<codec::Response> answer =
        Error(Code::internal, "The request failed.");
    try {
        answer = co_await call->ask.route->run(ctx, *call);
    } catch (const std::exception &e) {
        loop_.log(rt::LogLevel::err,
                  std::string("request failed: ") + e.what());
    }
    std::string sealed;
    if (answer && answer->status < 300) {
        Sha256 how = seal_key(config_.jwt_secrets.front(), owner, key);
        sealed = seal(how, pack(*answer), loop_.entropy());
    }
    // The answer is given even if keeping it failed: the work is done.
    if (sealed.empty()) {
        auto forgotten = co_await store_.forget(owner, key);
        (void)forgotten.ok();
    } else {
        int status = static_cast<int>(answer->status);
        auto kept = co_await store_.finish(owner, key, status, sealed);
        if (!kept) {
            loop_.log(rt::LogLevel::warn,
                      "the answer to a request with Idempotency-Key could "
                      "not be kept: a repetition will be refused for a while");
        }
    }
    co_return std::move(answer);
}

codec::Response Replay::again(Call &call, const std::string &owner,
                              const std::string &key,
                              const store::Claim &claim) {
    for (const Secret &secret : config_.jwt_secrets) {
        auto text = unseal(seal_key(secret, owner, key), claim.answer);
        if (text) {
            codec::Response response = unpack(claim.status, *text);
            response.add("Idempotency-Replayed", "true");
            return response;
        }
    }
    return refuse(call, Error(Code::conflict,
                              "This request was done before, but its answer "
                              "cannot be read any more. Look at the result, "
                              "then use a new Idempotency-Key."));
}

Sha256 Replay::seal_key(const Secret &secret, std::string_view owner,
                        std::string_view key) const {
    std::string text = "keystone idempotency\n";
    text += owner;
    text += '\n';
    text += key;
    return hmac_sha256(secret.reveal(), text);
}

} // namespace ks::api
