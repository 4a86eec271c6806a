// Answers as handlers make them.  What all answers have (X-Request-Id, CORS,
// Cache-Control: no-store) is added when they leave the room.
#pragma once

#include "api/call.h"
#include "base/error.h"
#include "codec/fields.h"
#include "gate/limits.h"

#include <span>
#include <string>

namespace ks::api {

constexpr std::string_view kNoSuch = "There is no such resource.";

codec::Response json_answer(unsigned status, std::string body);
codec::Response no_content();

// A problem document; labels.code is set.
codec::Response problem_answer(const codec::RequestView &request,
                               Labels &labels, const Error &error,
                               std::span<const codec::FieldError> wrong = {});

inline codec::Response refuse(Call &call, const Error &error,
                              std::span<const codec::FieldError> wrong = {}) {
    return problem_answer(call.request, call.labels, error, wrong);
}
// 422 with all of them.
codec::Response refuse_fields(Call &call,
                              std::span<const codec::FieldError> wrong);
// 429 with what the limit is.
codec::Response limited_answer(const codec::RequestView &request,
                               Labels &labels, const gate::Limited &limited);
codec::Response not_found(const codec::RequestView &request, Labels &labels);

} // namespace ks::api
