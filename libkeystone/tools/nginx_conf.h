// As much of nginx's configuration language as it takes to find the keystone
// block and a few directives beside it, through include.
#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace ks::ctl {

struct Directive {
    std::vector<std::string> words; // words[0] is the name
    std::string block; // "" at the top, "keystone", "http/server/location" ...
    std::string file;
    int line = 0;

    std::string place() const { return file + ":" + std::to_string(line); }
};

// In the order they stand, blocks as a directive of their own ("keystone") in
// front of what is in them.  Relative includes are looked for beside `path`,
// as nginx does.  The error begins with the place.
Result<std::vector<Directive>> read_nginx_conf(const std::string &path);

} // namespace ks::ctl
