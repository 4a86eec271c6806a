// People.  Encoders and players are not users: they hold tokens.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <string>

namespace ks::model {

enum class Role : uint8_t { user, admin };

struct User {
    Id id;
    std::string email; // lower case
    std::string name;
    Role role = Role::user;
    WallMs created_at = 0;
    WallMs updated_at = 0;
};

} // namespace ks::model
