// Where an nginx runs: its machine since that was started, and its processes.
// Another one on the same machine can be sure that they are gone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace ks::gate {

// Empty when it cannot be told.
std::string make_place(std::span<const pid_t> processes);

// False: they live, or nobody here can know.
bool is_over(std::string_view place);

} // namespace ks::gate
