#pragma once

namespace ks {

// The release, "major.minor.patch", from the file VERSION at the top.
const char *version();

} // namespace ks
