// What keystonectl check says of SRS.
#pragma once

#include "conf/config.h"
#include "nginx_conf.h"
#include "report.h"

#include <string>
#include <vector>

namespace ks::ctl {

// The nodes as the keystone block names them: asked, one after the other.
void check_nodes(const conf::Config &config, Report &report);

// What the rest of nginx.conf has for them.
void check_upstreams(const std::vector<Directive> &all,
                     const conf::Config &config, Report &report);

// An srs.conf in this process's environment, which is to be SRS's.  `config`
// is the nginx that its hooks go to; null: it is not known.
void check_srs_conf(const std::string &path, const conf::Config *config,
                    Report &report);

} // namespace ks::ctl
