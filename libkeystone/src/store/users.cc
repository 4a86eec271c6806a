#include "store/users.h"

#include "base/bytes.h"
#include "store/user_row.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

// Only one of those who register at the same time gets this row.
const Statement kClaimFirst = {
    "users_claim_first",
    "INSERT INTO firsts (name, subject) VALUES ('first_user', $1)"
    " ON CONFLICT (name) DO NOTHING",
    Access::write};

const Statement kInsert = {
    "users_insert",
    "INSERT INTO users (id, email, name, role, password_hash, created_at,"
    " updated_at) VALUES ($1, $2, $3, CASE WHEN $4 = 'admin' OR EXISTS ("
    "SELECT 1 FROM firsts WHERE name = 'first_user' AND subject = $1)"
    " THEN 'admin' ELSE 'user' END, $5, $6, $6)"
    " ON CONFLICT (email) DO NOTHING RETURNING " KS_USER_COLUMNS,
    Access::write};

const Statement kByEmail = {"users_by_email",
                            "SELECT " KS_USER_COLUMNS
                            ", password_hash FROM users WHERE email = $1",
                            Access::read};

const Statement kById = {"users_by_id",
                         "SELECT " KS_USER_COLUMNS
                         ", password_hash FROM users WHERE id = $1",
                         Access::read};

const Statement kSetName = {
    "users_set_name",
    "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1"
    " RETURNING " KS_USER_COLUMNS,
    Access::write};

const Statement kSetHash = {
    "users_set_hash",
    "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1",
    Access::write};

const Statement kEndOthers = {
    "users_end_other_logins",
    "UPDATE logins SET revoked_at = $3"
    " WHERE user_id = $1 AND id <> $2 AND revoked_at = 0",
    Access::write};

Error no_such_user() { return Error(Code::not_found, "No such user."); }

Result<UserWithHash> with_hash_of(const Result<sql::Rows> &rows) {
    if (!rows) {
        return rows.error();
    }
    if (rows->empty()) {
        return no_such_user();
    }
    UserWithHash out;
    out.user = user_of((*rows)[0]);
    out.password_hash = (*rows)[0].str(kUserColumns);
    return out;
}

} // namespace

rt::Task<Result<model::User>> Users::create(NewUser wanted) {
    auto &loop = rt::Loop::current();
    Id id = make_id(prefix::kUser, loop.entropy());
    std::string role(
        model::name(wanted.admin ? model::Role::admin : model::Role::user));
    sql::Batch batch;
    batch.emplace_back(kClaimFirst, sql::params(id));
    batch.emplace_back(kInsert,
                       sql::params(id, lower(wanted.email), wanted.name, role,
                                   wanted.password_hash, loop.wall()),
                       sql::Expect::rows);
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    if (!outcome->done()) {
        co_return Error(Code::email_taken,
                        "This e-mail address has an account already.");
    }
    co_return user_of(outcome->rows[1][0]);
}

rt::Task<Result<UserWithHash>> Users::by_email(std::string email) {
    sql::Params params = sql::params(lower(email));
    auto rows = co_await db_.query(kByEmail, std::move(params));
    co_return with_hash_of(rows);
}

rt::Task<Result<UserWithHash>> Users::with_hash(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kById, std::move(params));
    co_return with_hash_of(rows);
}

rt::Task<Result<model::User>> Users::by_id(Id id) {
    auto found = co_await with_hash(id);
    if (!found) {
        co_return std::move(found.error());
    }
    co_return std::move(found->user);
}

rt::Task<Result<model::User>> Users::set_name(Id id, std::string name) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(id, std::move(name), now);
    auto rows = co_await db_.query(kSetName, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->empty()) {
        co_return no_such_user();
    }
    co_return user_of((*rows)[0]);
}

rt::Task<Result<void>> Users::set_password_hash(Id id, std::string hash) {
    WallMs now = rt::Loop::current().wall();
    sql::Params params = sql::params(id, std::move(hash), now);
    auto rows = co_await db_.query(kSetHash, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (!rows->any()) {
        co_return no_such_user();
    }
    co_return Result<void>();
}

rt::Task<Result<void>> Users::change_password(Id id, std::string hash,
                                              Id keep_login) {
    WallMs now = rt::Loop::current().wall();
    sql::Batch batch;
    batch.emplace_back(kSetHash, sql::params(id, std::move(hash), now),
                       sql::Expect::rows);
    batch.emplace_back(kEndOthers, sql::params(id, keep_login, now));
    auto outcome = co_await db_.batch(std::move(batch));
    if (!outcome) {
        co_return std::move(outcome.error());
    }
    if (!outcome->done()) {
        co_return no_such_user();
    }
    co_return Result<void>();
}

} // namespace ks::store
