#include "args.h"
#include "commands.h"

#include <cstdio>

namespace ks::ctl {

namespace {

int set_drained(Session &session, const Words &words, bool drained) {
    auto args = Args::parse(words, {});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    const char *verb = drained ? "drain" : "undrain";
    if (args->words().size() != 1) {
        return fail(kUsage,
                    std::string("write keystonectl node ") + verb + " NAME");
    }
    const std::string &name = args->words()[0];
    if (name.empty() || name.size() > 31) {
        return fail(kUsage, "NAME is the one behind srs_node in the keystone "
                            "block");
    }
    auto opened = session.open_store(false);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto done = session.run(session.store().nodes().drain(name, drained));
    if (!done) {
        return session.failed(done.error());
    }
    print({{"node", name},
           {"drained", drained ? "yes" : "no"},
           {"", drained ? "It keeps the streams it has and takes no new one; "
                          "nginx feels it within two seconds. When GET "
                          "/v1/nodes shows no publisher there, stop it."
                        : "It takes new streams again."}});
    return kDone;
}

} // namespace

int node_drain(Session &session, const Words &words) {
    return set_drained(session, words, true);
}

int node_undrain(Session &session, const Words &words) {
    return set_drained(session, words, false);
}

int node_list(Session &session, const Words &words) {
    auto args = Args::parse(words, {});
    if (!args || !args->words().empty()) {
        return fail(kUsage, "write keystonectl node list");
    }
    auto opened = session.open_store(false);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto wishes = session.run(session.store().nodes().list());
    if (!wishes) {
        return session.failed(wishes.error());
    }
    int n = 0;
    for (const store::NodeWish &wish : *wishes) {
        if (wish.drained_at > 0) {
            std::printf("%-31s drained since %s\n", wish.name.c_str(),
                        rfc3339(wish.drained_at).c_str());
            n++;
        }
    }
    if (n == 0) {
        std::puts("No node is drained. How they are: GET /v1/nodes, as an "
                  "administrator.");
    }
    return kDone;
}

} // namespace ks::ctl
