// Idempotency-Key: the same key and request within 24 hours gets the first
// answer again, without the work being done twice.
//
// The first answer may show a secret once, so it lies in the store sealed with
// a key made of our own secret and the client's Idempotency-Key.  Only answers
// of success are kept: a refusal is found again by asking again.
#pragma once

#include "api/call.h"
#include "api/router.h"
#include "conf/config.h"
#include "rt/flight.h"
#include "store/idempotency.h"

#include <string>
#include <string_view>

namespace ks::api {

class Replay {
  public:
    Replay(const conf::Config &config, store::Idempotency &store,
           rt::Loop &loop)
        : config_(config), store_(store), loop_(loop) {}

    static bool asked(const Call &call);

    // The work goes on when the client leaves, so that its next try finds the
    // answer and not half of it.
    rt::Task<codec::Response> run(Context &ctx, std::shared_ptr<Call> call);

  private:
    rt::Task<Result<codec::Response>> first_or_again(Context &ctx,
                                                     std::shared_ptr<Call> call,
                                                     std::string owner,
                                                     std::string key);
    rt::Task<Result<codec::Response>> first(Context &ctx,
                                            std::shared_ptr<Call> call,
                                            std::string owner, std::string key);
    codec::Response again(Call &call, const std::string &owner,
                          const std::string &key, const store::Claim &claim);
    Sha256 seal_key(const Secret &secret, std::string_view owner,
                    std::string_view key) const;

    const conf::Config &config_;
    store::Idempotency &store_;
    rt::Loop &loop_;
    rt::Flights<std::string, codec::Response> flights_;
};

} // namespace ks::api
