// Keeps what shared memory says of the media servers true: whether they answer,
// which of them drain, and which of our sessions they still have.
//
// One worker does it for all.  A hook that never came is made up for here, so
// nothing else in the gate has to believe that hooks come.
#pragma once

#include "conf/config.h"
#include "gate/sessions.h"
#include "gate/upstream.h"
#include "store/store.h"

#include <map>
#include <string>
#include <vector>

namespace ks::gate {

class Nodes {
  public:
    // All outlive it.
    Nodes(const conf::Config &config, store::Store &store, zone::Zone &zone,
          Sessions &sessions, Upstream &upstream, rt::Loop &loop);

    // Once; ends with the loop.
    void start();

    // What start() does again and again, for tests: each once.
    rt::Task<void> probe(std::string node);
    rt::Task<void> compare(std::string node);
    rt::Task<void> look_for_media(std::string node);
    // False: the store did not tell.
    rt::Task<bool> recover();
    void settle_orphans();
    rt::Task<void> read_wishes();

  private:
    static constexpr Millis kMediaEvery = 300;

    struct Ours; // a session, as far as a comparison looks at it
    struct Look; // one comparison
    struct Watch {
        Millis probe_at = 0;
        Millis compare_at = 0;
        Millis media_at = 0;
        Millis wanted_at = 0; // not before, however odd it is there
        Millis lose_at = 0;
        bool probing = false;
        bool comparing = false;
        bool looking = false;
        std::map<std::string, Millis> strangers;           // since when
        std::map<std::string, Millis, std::less<>> others; // of other hosts
    };

    rt::Task<void> tick();
    rt::Task<void> run_probe(std::string node);
    rt::Task<void> run_compare(std::string node);
    rt::Task<void> run_media(std::string node);
    rt::Task<void> run_wishes();
    void failed(const std::string &node, const Error &why);
    void answered(const std::string &node, const srs::Identity &from);
    void lose(const std::string &node);
    rt::Task<void> end_strangers(std::string node, std::string service,
                                 std::vector<std::string> clients);
    rt::Task<Result<std::vector<std::string>>>
    adopt_known(std::string node, std::string service,
                std::vector<std::string> clients);
    rt::Task<Result<std::vector<std::string>>>
    leave_known(std::string node, std::string service,
                std::vector<std::string> clients);
    rt::Task<Result<bool>> adopt(model::Session session);
    static bool alike(const Ours &session, const srs::Client &client);
    static bool doubted(const Look &look, const Ours *session);
    void check(Look &look, const Ours &session);
    rt::Task<bool> leave_others(Look &look);
    rt::Task<void> doubt(Look &look);
    static bool is_answered(const model::Session &s, WallMs now);
    rt::Task<bool> may_guess(Id stream, Id session, bool answered);
    void match(Look &look);
    std::vector<std::string> strangers(const Look &look);
    void end_unclaimed(const Look &look);
    void send_after(const Look &look);
    bool leads();

    store::Store &store_;
    zone::Zone &zone_;
    Sessions &sessions_;
    Upstream &upstream_;
    rt::Loop &loop_;
    std::map<std::string, Watch, std::less<>> watches_;
    Millis wishes_at_ = 0;
    Millis orphans_at_ = 0;
    bool reading_wishes_ = false;
    bool recover_again_ = false;
};

} // namespace ks::gate
