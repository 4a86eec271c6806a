#include "store/logins.h"

#include "store/purge.h"
#include "store/text.h"
#include "store/user_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

#define KS_LOGIN_COLUMNS "id, user_id, ip, user_agent, created_at, last_used_at"

constexpr std::string_view kTokenPrefix = "ks_ref_";

const Statement kInsertLogin = {
    "logins_insert",
    "INSERT INTO logins (id, user_id, ip, user_agent, created_at, last_used_at,"
    " expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $5, $6, 0)"
    " RETURNING " KS_LOGIN_COLUMNS,
    Access::write};

const Statement kInsertToken = {
    "logins_insert_token",
    "INSERT INTO refresh_tokens (hash, login_id, created_at, expires_at,"
    " used_at) VALUES ($1, $2, $3, $4, 0)",
    Access::write};

const Statement kUserOfLogin = {
    "logins_user",
    "SELECT " KS_USER_COLUMNS " FROM users"
    " WHERE id = (SELECT user_id FROM logins WHERE id = $1)",
    Access::read};

const Statement kFindToken = {
    "logins_find_token",
    "SELECT t.login_id, t.used_at, t.expires_at, l.revoked_at"
    " FROM refresh_tokens t JOIN logins l ON l.id = t.login_id"
    " WHERE t.hash = $1",
    Access::read};

// Of two who bring the same token one finds no row here.
const Statement kSpend = {
    "logins_spend",
    "UPDATE refresh_tokens SET used_at = $2"
    " WHERE hash = $1 AND used_at = 0 AND expires_at > $2",
    Access::write};

const Statement kUse = {
    "logins_use",
    "UPDATE logins SET last_used_at = $2, ip = $3, user_agent = $4,"
    " expires_at = $5 WHERE id = $1 AND revoked_at = 0"
    " RETURNING " KS_LOGIN_COLUMNS,
    Access::write};

const Statement kEnd = {
    "logins_end",
    "UPDATE logins SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0",
    Access::write};

const Statement kEndOfUser = {
    "logins_end_of_user",
    "UPDATE logins SET revoked_at = $3"
    " WHERE id = $2 AND user_id = $1 AND revoked_at = 0",
    Access::write};

const Statement kEndByToken = {
    "logins_end_by_token",
    "UPDATE logins SET revoked_at = $2 WHERE revoked_at = 0 AND id ="
    " (SELECT login_id FROM refresh_tokens WHERE hash = $1)",
    Access::write};

const Statement kList = {
    "logins_list",
    "SELECT " KS_LOGIN_COLUMNS " FROM logins"
    " WHERE user_id = $1 AND revoked_at = 0 AND expires_at > $2"
    " ORDER BY created_at DESC, id DESC LIMIT 100",
    Access::read};

// While a login lives, each use leaves a token.  The one that was not used yet
// stays as long as its login, so that its owner hears why it is of no use.
const Statement kPurgeSpent = {
    "logins_purge_spent",
    "DELETE FROM refresh_tokens WHERE used_at > 0 AND hash IN"
    " (SELECT hash FROM refresh_tokens WHERE expires_at < $1 AND used_at > 0"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

// Before their logins, which take with them what is left.
const Statement kPurgeTokens = {
    "logins_purge_tokens",
    "DELETE FROM refresh_tokens WHERE hash IN"
    " (SELECT hash FROM refresh_tokens WHERE login_id IN"
    " (SELECT id FROM logins WHERE expires_at < $1"
    " OR (revoked_at > 0 AND revoked_at < $1))"
    " LIMIT " KS_PURGE_ROWS ")",
    Access::write};

const Statement kPurge = {"logins_purge",
                          "DELETE FROM logins WHERE (expires_at < $1"
                          " OR revoked_at > 0) AND id IN"
                          " (SELECT id FROM logins WHERE expires_at < $1"
                          " OR (revoked_at > 0 AND revoked_at < $1)"
                          " LIMIT " KS_PURGE_ROWS ")",
                          Access::write};

Login login_of(const sql::Row &row) {
    Login login;
    login.id = row.id(0);
    login.user_id = row.id(1);
    login.ip = row.str(2);
    login.user_agent = row.str(3);
    login.created_at = row.number(4);
    login.last_used_at = row.number(5);
    return login;
}

std::string hash_of(const Secret &token) { return hex(sha256(token.reveal())); }

Secret new_token() {
    std::string text = make_token(kTokenPrefix, rt::Loop::current().entropy());
    Secret secret(text);
    wipe(text.data(), text.size());
    return secret;
}

Refreshed refreshed(const sql::Rows &login, const sql::Rows &user, Secret token,
                    WallMs expires_at) {
    Refreshed out;
    out.login = login_of(login[0]);
    out.user = user_of(user[0]);
    out.refresh_token = std::move(token);
    out.expires_at = expires_at;
    return out;
}

Error no_such_user() { return Error(Code::not_found, "No such user."); }

Error ended() {
    return Error(Code::token_revoked, "This login has ended. Log in again.");
}

} // namespace

rt::Task<Result<Refreshed>> Logins::create(Id user_id, std::string ip,
                                           std::string user_agent) {
    auto &loop = rt::Loop::current();
    WallMs now = loop.wall();
    WallMs expires_at = now + kRefreshLife;
    Id id = make_id(prefix::kLogin, loop.entropy());
    Secret token = new_token();
    sql::Batch batch;
    batch.emplace_back(kInsertLogin,
                       sql::params(id, user_id, std::move(ip),
                                   std::move(user_agent), now, expires_at));
    batch.emplace_back(kInsertToken,
                       sql::params(hash_of(token), id, now, expires_at));
    batch.emplace_back(kUserOfLogin, sql::params(id));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        if (outcome.error().code == Code::conflict) {
            co_return no_such_user();
        }
        co_return std::move(outcome.error());
    }
    co_return refreshed(outcome->rows[0], outcome->rows[2], std::move(token),
                        expires_at);
}

rt::Task<Result<Refreshed>> Logins::rotate(Secret refresh_token, std::string ip,
                                           std::string user_agent) {
    WallMs now = rt::Loop::current().wall();
    std::string hash = hash_of(refresh_token);
    sql::Params of_hash = sql::params(hash);
    auto rows = co_await db_.query(kFindToken, std::move(of_hash));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->empty()) {
        co_return Error(Code::unauthorized,
                        "This refresh token is not known. Log in again.");
    }
    sql::Row row = (*rows)[0];
    Id login = row.id(0);
    bool spent = row.number(1) != 0;
    if (row.number(3) != 0) {
        co_return ended();
    }
    if (!spent && row.number(2) <= now) {
        co_return Error(Code::token_expired,
                        "This login has expired. Log in again.");
    }
    if (!spent) {
        WallMs expires_at = now + kRefreshLife;
        Secret token = new_token();
        sql::Batch batch;
        batch.emplace_back(kSpend, sql::params(hash, now), sql::Expect::rows);
        batch.emplace_back(kUse,
                           sql::params(login, now, std::move(ip),
                                       std::move(user_agent), expires_at),
                           sql::Expect::rows);
        batch.emplace_back(kInsertToken,
                           sql::params(hash_of(token), login, now, expires_at));
        batch.emplace_back(kUserOfLogin, sql::params(login));
        auto outcome = co_await db_.batch(std::move(batch));
        if (!outcome) {
            co_return std::move(outcome.error());
        }
        if (outcome->done()) {
            co_return refreshed(outcome->rows[1], outcome->rows[3],
                                std::move(token), expires_at);
        }
        if (outcome->stopped_at != 0) {
            co_return ended();
        }
        // Somebody else spent it between the two.
    }
    sql::Params family = sql::params(login, now);
    auto revoked = co_await db_.query(kEnd, std::move(family));
    if (!revoked) {
        co_return std::move(revoked.error());
    }
    co_return Error(Code::token_revoked,
                    "This refresh token was used before, so its login was "
                    "ended. Log in again.");
}

rt::Task<Result<void>> Logins::end_by_token(Secret refresh_token) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(hash_of(refresh_token), now);
    auto rows = co_await db_.query(kEndByToken, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<void>> Logins::end(Id user_id, Id login_id) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(user_id, login_id, now);
    auto rows = co_await db_.query(kEndOfUser, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (!rows->any()) {
        co_return Error(Code::not_found, "No such login session.");
    }
    co_return Result<void>();
}

rt::Task<Result<std::vector<Login>>> Logins::list(Id user_id) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(user_id, now);
    auto rows = co_await db_.query(kList, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return rows->all(login_of);
}

rt::Task<Result<int64_t>> Logins::purge(WallMs before) {
    sql::Params now = sql::params(rt::Loop::current().wall());
    auto spent = co_await purge_all(db_, kPurgeSpent, std::move(now));
    if (!spent) {
        co_return spent;
    }
    sql::Params of_tokens = sql::params(before);
    auto tokens = co_await purge_all(db_, kPurgeTokens, std::move(of_tokens));
    if (!tokens) {
        co_return tokens;
    }
    sql::Params params = sql::params(before);
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
