// What every refusal looks like over HTTP: RFC 9457.
#pragma once

#include "base/error.h"
#include "codec/fields.h"

#include <span>
#include <string>
#include <string_view>

namespace ks::codec {

constexpr std::string_view kProblemType = "application/problem+json";

// "type" is urn:keystone:problem:<code>: stable, and nobody is led to a page
// that is not there.  Members that would be empty are left out, but for detail:
// a code without one gets its title.
std::string problem(const Error &error, std::string_view instance,
                    std::string_view request_id,
                    std::span<const FieldError> errors = {},
                    unsigned status = 0); // 0: the usual one of the code

// The Error that goes with FieldReader::finish(), naming the first.
Error invalid_fields(std::span<const FieldError> errors);

} // namespace ks::codec
