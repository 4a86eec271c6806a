// Who was kicked and is to stay out for a while: by credential and by address,
// of one stream, as publisher or as viewer.
#pragma once

#include "model/session.h"
#include "model/stream.h"
#include "store/bans.h"
#include "zone/zone.h"

#include <string>
#include <string_view>
#include <vector>

namespace ks::gate {

// The credential and the address of `session`, for so long.
void ban(zone::Zone &zone, const model::Session &session, Millis now,
         Millis duration);

// The same, as it is said to other hosts (store/bans.h), and as they hear it.
std::vector<store::Ban> bans_of(const model::Session &session, WallMs until);
void keep_out(zone::Zone &zone, const store::Ban &ban, Millis now,
              Millis duration);
// It is meant for this one, too.
bool is_banned_by(const store::Ban &ban, const model::Session &session);

// 0, or milliseconds left.  An empty `token`: none was needed.
Millis banned(zone::Zone &zone, model::Action action, std::string_view stream,
              std::string_view token, std::string_view client_ip, Millis now);

} // namespace ks::gate
