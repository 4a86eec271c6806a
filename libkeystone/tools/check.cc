#include "args.h"
#include "commands.h"

namespace ks::ctl {

int check(const Words &words) {
    auto args = Args::parse(words, {"config"});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    return kDone;
}

} // namespace ks::ctl
