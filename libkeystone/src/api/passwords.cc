#include "api/passwords.h"

#include "rt/wait.h"

#include <algorithm>

namespace ks::api {

namespace {

constexpr std::string_view kWeak = "weak_password";

} // namespace

void check_new_password(codec::FieldReader &in, std::string_view field,
                        const codec::Field<std::string> &given,
                        std::string_view email) {
    if (!given) {
        return;
    }
    size_t length = (*given).size();
    if (length < store::kMinPassword || length > store::kMaxPassword) {
        in.add(std::string(field), kWeak, "must have 8 to 256 bytes");
    } else if (iequals(*given, email)) {
        in.add(std::string(field), kWeak, "must not be the e-mail address");
    }
}

codec::Response
refuse_password_fields(Call &call, std::span<const codec::FieldError> wrong) {
    auto weak = [](const codec::FieldError &e) { return e.code == kWeak; };
    if (!std::all_of(wrong.begin(), wrong.end(), weak)) {
        return refuse_fields(call, wrong);
    }
    std::string text = wrong.front().field + " " + wrong.front().detail;
    return refuse(call, Error(Code::weak_password, text), wrong);
}

Secret secret_of(codec::Field<std::string> &field) {
    Secret secret(*field);
    wipe((*field).data(), (*field).size());
    return secret;
}

rt::Task<Result<bool>> check_password(Context &ctx, Secret password,
                                      std::string hash) {
    ctx.zone.counters().add(zone::Counter::password_hashes);
    auto work = [password = std::move(password), hash = std::move(hash)] {
        return store::verify_password(password, hash);
    };
    auto right = co_await rt::offload(rt::Pool::hash, std::move(work));
    co_return std::move(right);
}

rt::Task<Result<std::string>> hash_password(Context &ctx, Secret password) {
    ctx.zone.counters().add(zone::Counter::password_hashes);
    store::Salt salt = store::make_salt(ctx.loop.entropy());
    auto work = [password = std::move(password), salt] {
        return store::hash_password(password, salt);
    };
    auto hash = co_await rt::offload(rt::Pool::hash, std::move(work));
    if (hash && hash->empty()) {
        co_return Error(Code::overloaded,
                        "No memory to hash a password. Try again in a moment.",
                        1);
    }
    co_return std::move(hash);
}

} // namespace ks::api
