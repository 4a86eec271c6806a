// A value of the configuration: literal, env:NAME, or file:PATH.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace ks::conf {

// env:NAME that is not set gives "": for most as if the directive were not
// there, so that one nginx.conf serves several places.  file:PATH must exist; at
// most 64 KiB, white space at both ends is cut.
Result<std::string> resolve_value(std::string_view text);

} // namespace ks::conf
