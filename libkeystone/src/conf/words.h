// The words of a directive, and what is said of wrong ones.  For this room.
#pragma once

#include "conf/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace ks::conf {

using Words = std::vector<std::string>; // the name first

Error bad(const std::string &what);
std::string quoted(std::string_view text);
Result<int> number(std::string_view text, int min, int max);
// Notes a parameter of a directive; error: it stands there twice.
Result<void> note_once(std::vector<std::string> &seen,
                       std::string_view directive, std::string_view name);
// One value after the name, env: and file: resolved.
Result<std::string> only_value(const Words &words);

} // namespace ks::conf
