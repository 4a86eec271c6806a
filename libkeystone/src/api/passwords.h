// Passwords on their way through: what a new one must be, and the slow work on
// a thread.
#pragma once

#include "api/handlers.h"
#include "base/secret.h"
#include "codec/fields.h"
#include "store/password.h"

#include <span>
#include <string>
#include <string_view>

namespace ks::api {

// Of any length: check_new_password() has a code of its own for that.
constexpr codec::Text kAnyPassword{.max = 64 * 1024,
                                   .required = true,
                                   .unit = codec::Unit::bytes,
                                   .lines = true};

void check_new_password(codec::FieldReader &in, std::string_view field,
                        const codec::Field<std::string> &given,
                        std::string_view email);
// weak_password when nothing else is wrong.
codec::Response
refuse_password_fields(Call &call, std::span<const codec::FieldError> wrong);

// Takes the text out of a field and wipes it there.
Secret secret_of(codec::Field<std::string> &field);

// Both cost a hash and wait for it; overloaded when too many do.
rt::Task<Result<bool>> check_password(Context &ctx, Secret password,
                                      std::string hash);
rt::Task<Result<std::string>> hash_password(Context &ctx, Secret password);

} // namespace ks::api
