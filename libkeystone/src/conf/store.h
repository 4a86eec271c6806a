// store ADDRESS [pool=N] [queue=N] [timeout=TIME] [pooler=transaction];
#pragma once

#include "conf/config.h"
#include "conf/words.h"

namespace ks::conf {

// Looks at the address's form only; whether it is whole, sql::check() knows.
Result<void> set_store(Config &c, const Words &words);

} // namespace ks::conf
