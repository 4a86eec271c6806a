// REST: everything under /v1.  One Api a worker.
//
//     Step step = api.begin(view);           no I/O, does not wait
//     answer  -> step.response is the answer
//     body    -> read the body, set step.call->body, then as `task`
//     task    -> rt::Task<codec::Response> work = api.run(step.call);
//
// An answer to HEAD carries the body that GET would have: whoever sends it
// leaves the body out and keeps its length.  Destroying the task cancels it; a
// write that was sent to the store may be done all the same.
#pragma once

#include "base/fixed.h"
#include "base/id.h"
#include "codec/http.h"
#include "rt/task.h"

#include <memory>
#include <string_view>

namespace ks::conf {
struct Config;
}
namespace ks::gate {
class Hooks;
class Sessions;
} // namespace ks::gate
namespace ks::store {
class Store;
}
namespace ks::zone {
class Zone;
}

namespace ks::api {

struct Call;    // a request that goes on; call.h
struct Context; // what handlers work with; context.h

constexpr int64_t kMaxBody = 64 * 1024;

// What logs and variables show of a request; each may be empty.
struct Labels {
    Fixed<64> request_id;
    Id user;
    Id stream;
    Code code = Code::ok; // of a problem document
};

struct Step {
    enum class Next : uint8_t { answer, body, task };

    Next next = Next::answer;
    codec::Response response;   // answer
    std::shared_ptr<Call> call; // body, task
    Labels labels;
};

class Api {
  public:
    // All are borrowed and outlive the Api.
    Api(const conf::Config &config, store::Store &store, zone::Zone &zone,
        gate::Sessions &sessions, rt::Loop &loop);
    ~Api();
    // SRS's hooks go there; without it they are refused.
    void use(gate::Hooks &hooks);
    Api(const Api &) = delete;
    Api &operator=(const Api &) = delete;

    // Routes, authenticates, and answers what needs neither body nor I/O.
    Step begin(const codec::RequestView &request);

    // The rest.  Never throws what a client can cause.
    rt::Task<codec::Response> run(std::shared_ptr<Call> call);

    // The body is there; more than kMaxBody is answered with 413 by run().
    static void set_body(Call &call, std::string_view body);
    // As they are now: run() may have learnt more.
    static const Labels &labels(const Call &call);

    // An error made by the server around us (404, 413, 500, ...), in our shape.
    codec::Response problem(const codec::RequestView &request, unsigned status,
                            std::string_view request_id);

  private:
    std::unique_ptr<Context> context_;
};

} // namespace ks::api
