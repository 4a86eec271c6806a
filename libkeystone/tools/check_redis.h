// Whether the Redis of the configuration takes us.
#pragma once

#include "conf/config.h"
#include "nginx_conf.h"
#include "report.h"

#include <vector>

namespace ks::ctl {

void check_redis(const std::vector<Directive> &all, const conf::Config &config,
                 Report &report);

} // namespace ks::ctl
