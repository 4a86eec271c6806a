// Whether an address answers.
#pragma once

#include "base/time.h"

#include <string>

namespace ks::ctl {

// "" when a TCP connection to HOST:PORT comes about in time, else why not.
std::string try_connect(const std::string &address, Millis limit);

} // namespace ks::ctl
