// Which SRS node a stream goes to.
#pragma once

#include "conf/config.h"
#include "gate/access.h"

#include <string_view>

namespace ks::gate {

// The node that has the live stream; else by rendezvous hashing of the stream's
// id over the nodes, so that a node more or less moves only its own streams.
// Empty: none is configured, or (play) the live stream is not on a node.
std::string_view place(const conf::Config &config, const Decision &decision,
                       model::Action action);

} // namespace ks::gate
