// The columns of a user and how to read them.
#pragma once

#include "model/user.h"
#include "sql/value.h"

namespace ks::store {

#define KS_USER_COLUMNS "id, email, name, role, created_at, updated_at"
constexpr size_t kUserColumns = 6;

inline model::User user_of(const sql::Row &row) {
    model::User user;
    user.id = row.id(0);
    user.email = row.str(1);
    user.name = row.str(2);
    user.role = model::parse_role(row.text(3)).value_or(model::Role::user);
    user.created_at = row.number(4);
    user.updated_at = row.number(5);
    return user;
}

} // namespace ks::store
