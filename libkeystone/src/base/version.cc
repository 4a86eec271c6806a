#include "base/version.h"

namespace ks {

const char *version() { return KS_VERSION; }

} // namespace ks
