// Login sessions: families of refresh tokens, each good for one use.
#pragma once

#include "base/secret.h"
#include "model/user.h"
#include "sql/database.h"

#include <string>
#include <vector>

namespace ks::store {

constexpr Millis kRefreshLife = 30 * kDay;

struct Login {
    Id id;
    Id user_id;
    std::string ip;
    std::string user_agent;
    WallMs created_at = 0;
    WallMs last_used_at = 0;
};

struct Refreshed {
    Login login;
    model::User user;
    Secret refresh_token; // shown to its owner once
    WallMs expires_at = 0;
};

class Logins {
  public:
    explicit Logins(sql::Database &db) : db_(db) {}

    rt::Task<Result<Refreshed>> create(Id user_id, std::string ip,
                                       std::string user_agent);
    // Spends the token for the next one.  unauthorized (unknown),
    // token_expired, token_revoked; a spent one ends its whole family.
    rt::Task<Result<Refreshed>> rotate(Secret refresh_token, std::string ip,
                                       std::string user_agent);
    // Of the login that has this token, spent or not; unknown is fine, too.
    rt::Task<Result<void>> end_by_token(Secret refresh_token);
    // not_found when it is not this user's.
    rt::Task<Result<void>> end(Id user_id, Id login_id);
    // Those that can still be used, newest first, at most 100.
    rt::Task<Result<std::vector<Login>>> list(Id user_id);
    // Forgets logins that ended or expired before `before`, how many; and spent
    // tokens that have expired, of any login.
    rt::Task<Result<int64_t>> purge(WallMs before);

  private:
    sql::Database &db_;
};

} // namespace ks::store
