// The directives about media servers: srs_node, ice_server, hook_secret.
#pragma once

#include "conf/config.h"
#include "conf/words.h"

namespace ks::conf {

Result<void> add_srs_node(Config &config, const Words &words);
Result<void> add_ice_server(Config &config, const Words &words);
Result<void> add_hook_secret(Config &config, const Words &words);

} // namespace ks::conf
