// People and their password hashes.
#pragma once

#include "model/user.h"
#include "sql/database.h"

#include <string>

namespace ks::store {

struct NewUser {
    std::string email; // any case: stored lower
    std::string name;
    std::string password_hash; // PHC: password.h
    bool admin = false;        // the first user is, whatever this says
};

struct UserWithHash {
    model::User user;
    std::string password_hash;
};

// A user that does not exist is Code::not_found, here and in the other files
// of this room.
class Users {
  public:
    explicit Users(sql::Database &db) : db_(db) {}

    // email_taken.
    rt::Task<Result<model::User>> create(NewUser wanted);
    rt::Task<Result<UserWithHash>> by_email(std::string email);
    rt::Task<Result<model::User>> by_id(Id id);
    // With the hash: to change a password one must know the old one.
    rt::Task<Result<UserWithHash>> with_hash(Id id);
    rt::Task<Result<model::User>> set_name(Id id, std::string name);
    // A better hash of the same password (password.h: needs_rehash).
    rt::Task<Result<void>> set_password_hash(Id id, std::string hash);
    // A new password: ends all logins but this one.
    rt::Task<Result<void>> change_password(Id id, std::string hash,
                                           Id keep_login);

  private:
    sql::Database &db_;
};

} // namespace ks::store
