// The first answer to a POST that carried an Idempotency-Key.
#pragma once

#include "base/hash.h"
#include "sql/database.h"

#include <string>
#include <vector>

namespace ks::store {

constexpr Millis kIdempotencyLife = 24 * kHour;

struct Claim {
    enum Kind : uint8_t {
        mine,    // go on, then finish() or forget()
        running, // the first request is still at it
        other,   // the key was used for another request
        done     // status and answer are those of the first one
    };
    Kind kind = mine;
    int status = 0;
    std::string answer;
};

class Idempotency {
  public:
    // A claim that was neither finished nor forgotten (its worker died) can be
    // taken over after this long.
    static constexpr Millis kClaimLife = kMinute;

    explicit Idempotency(sql::Database &db) : db_(db) {}

    // `owner`: the user's id, or what stands for a caller without one.
    // `request`: of method, path and body.  `also`: digests of the same request
    // under older secrets, which a claim may have been made with.
    rt::Task<Result<Claim>> claim(std::string owner, std::string key,
                                  Sha256 request,
                                  std::vector<Sha256> also = {});
    // `answer` is opaque here.  One with a secret in it has to be sealed by
    // who calls: nothing readable is kept.
    rt::Task<Result<void>> finish(std::string owner, std::string key,
                                  int status, std::string answer);
    rt::Task<Result<void>> forget(std::string owner, std::string key);
    rt::Task<Result<int64_t>> purge();

  private:
    sql::Database &db_;
};

} // namespace ks::store
