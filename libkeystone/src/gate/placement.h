// Which SRS node a stream goes to.
#pragma once

#include "conf/config.h"
#include "gate/access.h"

#include <string_view>

namespace ks::gate {

// To play: the node that has the live stream; empty: no node has it.
//
// To publish: the node where the stream is or was just now, if it can be used,
// because its viewers are there; else by rendezvous hashing of the stream's id
// over the nodes that can, so that a node more or less moves only its own
// streams.  A node can be used that answers and is not drained.  When none can,
// the best of those not drained is tried all the same: it may be back.  Empty:
// none is configured, or all are drained.
std::string_view place(const conf::Config &config, zone::Zone &zone,
                       const Decision &decision, model::Action action);

} // namespace ks::gate
