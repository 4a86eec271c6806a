// The media servers as the gate acts on them: ending what a session has there.
#pragma once

#include "conf/config.h"
#include "model/session.h"
#include "rt/task.h"
#include "srs/api.h"
#include "zone/zone.h"

#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace ks::gate {

class Upstream {
  public:
    // `config` and `zone` outlive it.
    Upstream(const conf::Config &config, zone::Zone &zone, rt::Loop &loop);

    // Null: the configuration names no such node.
    const srs::Api *api(std::string_view node) const;

    // Ends the client that a session is at its node.  True: it is gone, or
    // there never was one that we know of.  One try, 2 s at most.
    rt::Task<bool> end(model::Session session);

    // The same without waiting: tried again until it is done, for half a
    // minute; after that the sweep over the node's clients finds it.
    void end_later(const model::Session &session);
    // A client that is no session's: refused, and left over.
    void kick_later(std::string_view node, std::string_view client);

    // What is queued or under way.
    size_t pending() const { return pending_; }

  private:
    struct Job {
        model::Session session; // node, srs_client, upstream_resource
        int tries = 0;
    };
    // What waits for one node: another one that is slow holds nobody up.
    struct Lane {
        std::deque<Job> queue;
        size_t running = 0;
    };
    static constexpr size_t kMaxQueue = 10000;
    static constexpr size_t kAtOnce = 8;
    static constexpr int kTries = 6;

    void put(Job job);
    rt::Task<void> work(Lane &lane);
    rt::Task<void> put_later(Job job);

    zone::Zone &zone_;
    rt::Loop &loop_;
    std::map<std::string, srs::Api, std::less<>> apis_;
    std::map<std::string, Lane, std::less<>> lanes_;
    size_t pending_ = 0;
};

} // namespace ks::gate
