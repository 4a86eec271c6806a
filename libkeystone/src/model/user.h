// People.  Encoders and players are not users: they hold tokens.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace ks::model {

enum class Role : uint8_t { user, admin };

std::string_view name(Role r);
std::optional<Role> parse_role(std::string_view text);

struct User {
    Id id;
    std::string email; // lower case
    std::string name;
    Role role = Role::user;
    WallMs created_at = 0;
    WallMs updated_at = 0;
};

} // namespace ks::model
