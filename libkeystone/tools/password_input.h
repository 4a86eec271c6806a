// A password from the person or program that runs us.
#pragma once

#include "base/result.h"
#include "base/secret.h"

namespace ks::ctl {

// Asked for twice, without echo, on a terminal; else the first line of standard
// input, empty when there is none.
Result<Secret> read_password(bool from_stdin);

} // namespace ks::ctl
