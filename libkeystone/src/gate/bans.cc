#include "gate/bans.h"

#include <algorithm>

namespace ks::gate {

namespace {

// A viewer may come with the stream key, which is not to keep its publisher
// out.
std::string scope(model::Action action, std::string_view stream) {
    std::string text(stream);
    if (action == model::Action::play) {
        text += "/play";
    }
    return text;
}

} // namespace

void ban(zone::Zone &zone, const model::Session &session, Millis now,
         Millis duration) {
    if (duration <= 0) {
        return;
    }
    std::string where = scope(session.action, session.stream_id.view());
    for (std::string_view who :
         {session.token_id.view(), session.client_ip.view()}) {
        if (!who.empty()) {
            zone.ban(where, who, now, duration);
        }
    }
}

Millis banned(zone::Zone &zone, model::Action action, std::string_view stream,
              std::string_view token, std::string_view client_ip, Millis now) {
    if (!zone.bans_at(now)) {
        return 0;
    }
    std::string where = scope(action, stream);
    Millis left = 0;
    for (std::string_view who : {token, client_ip}) {
        if (!who.empty()) {
            left = std::max(left, zone.banned(where, who, now));
        }
    }
    return left;
}

} // namespace ks::gate
