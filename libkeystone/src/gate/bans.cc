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

std::vector<store::Ban> bans_of(const model::Session &session, WallMs until) {
    std::vector<store::Ban> bans;
    std::string place = scope(session.action, session.stream_id.view());
    for (std::string_view who :
         {session.token_id.view(), session.client_ip.view()}) {
        if (!who.empty()) {
            bans.push_back({place, std::string(who), until, 0});
        }
    }
    return bans;
}

void keep_out(zone::Zone &zone, const store::Ban &ban, Millis now,
              Millis duration) {
    if (duration <= 0) {
        return; // it has ended on its way here
    }
    // heard of again and again: a few milliseconds are no new ban
    Millis left = zone.banned(ban.place, ban.who, now);
    if (left == 0 || duration > left + kSecond) {
        zone.ban(ban.place, ban.who, now, duration);
    }
}

bool is_banned_by(const store::Ban &ban, const model::Session &session) {
    return (ban.who == session.token_id.view() ||
            ban.who == session.client_ip.view()) &&
           ban.place == scope(session.action, session.stream_id.view());
}

void ban(zone::Zone &zone, const model::Session &session, Millis now,
         Millis duration) {
    if (duration <= 0) {
        return;
    }
    for (const store::Ban &ban : bans_of(session, 0)) {
        zone.ban(ban.place, ban.who, now, duration);
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
