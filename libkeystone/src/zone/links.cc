// What a media server calls a session, and where a session is.
#include "zone/sessions.h"

namespace ks::zone {

using model::Action;
using model::Session;
using model::SessionState;

namespace {

HashKey name_of(const Zone &zone, std::string_view node,
                std::string_view service, std::string_view client) {
    return zone.hash("client", node, service, client);
}

void remember(Zone &zone, const Id &session, std::string_view node,
              std::string_view service, std::string_view client, WallMs now) {
    HashKey name = name_of(zone, node, service, client);
    zone.viewers().put(name, Viewer{session}, now, kNever);
}

void give_name(Session &s, std::string_view service, std::string_view client,
               std::string_view stream, WallMs now) {
    s.srs_service.assign(service);
    s.srs_client.assign(client);
    s.srs_stream.assign(stream);
    s.linked_at = now;
}

} // namespace

bool Sessions::link(const Id &session, std::string_view service,
                    std::string_view client, std::string_view stream,
                    WallMs now) {
    Fixed<31> node;
    bool found = note(session, now, [&](SessionRecord &r) {
        give_name(r.session, service, client, stream, now);
        node = r.session.node;
    });
    if (found) {
        remember(zone_, session, node.view(), service, client, now);
    }
    return found;
}

bool Sessions::claim(const Id &session, std::string_view service,
                     std::string_view client, std::string_view stream,
                     WallMs now) {
    bool same = false;
    bool claimed = false;
    Fixed<31> node;
    zone_.sessions().update(session, now, [&](SessionRecord &r) {
        Session &s = r.session;
        same = s.srs_client == client && s.srs_service == service;
        bool free = s.srs_client.empty() || s.owner_pid != 0;
        if (r.closed() || same || !free) {
            same = same && !r.closed();
            return;
        }
        claimed = true;
        give_name(s, service, client, stream, now);
        r.changed(now);
        node = s.node;
    });
    if (claimed) {
        mark_dirty(session);
        remember(zone_, session, node.view(), service, client, now);
    }
    return claimed || same;
}

std::optional<Session> Sessions::linked(std::string_view node,
                                        std::string_view service,
                                        std::string_view client, WallMs now) {
    auto same = [&](const Session &s) {
        return s.node == node && s.srs_service == service &&
               s.srs_client == client;
    };
    Viewer known;
    HashKey key = name_of(zone_, node, service, client);
    if (zone_.viewers().find(key, now, &known)) {
        auto session = find(known.session, now);
        if (session && same(*session)) {
            return session;
        }
    }
    // That table may have forgotten it: rarely, so a long look is good enough.
    std::optional<Session> found;
    if (zone_.viewers().evicted() == 0) {
        return found;
    }
    zone_.sessions().each(now, [&](const Id &, const SessionRecord &r) {
        if (same(r.session)) {
            found = r.session;
        }
    });
    return found;
}

void Sessions::unlink(const Id &session, WallMs now) {
    note(session, now, [&](SessionRecord &r) {
        r.session.srs_client.assign("");
        r.session.srs_stream.assign("");
        r.session.linked_at = 0;
    });
}

bool Sessions::restore(const Session &session, const model::StreamFacts &stream,
                       WallMs now) {
    if (find(session.id, now)) {
        return false;
    }
    bool open = session.action == Action::publish
                    ? open_publisher(session, stream, Id(), now).ok()
                    : open_viewer(session, 0, now).ok();
    if (open && !session.srs_client.empty()) {
        link(session.id, session.srs_service.view(), session.srs_client.view(),
             session.srs_stream.view(), now);
        // it is there since long before we knew
        amend(session.id, now,
              [&](Session &s) { s.linked_at = session.started_at; });
    }
    if (open && session.state == SessionState::active) {
        media(session.id, session.bytes_in, session.bytes_out, now);
    }
    return open;
}

bool Sessions::move(const Id &session, std::string_view node, WallMs now) {
    Id stream;
    zone_.sessions().peek(session, now, [&](const SessionRecord &r) {
        stream = r.session.stream_id;
    });
    bool moved = false;
    zone_.live().update(stream, now, [&](LiveRecord &r) {
        if (r.live.publisher == session) {
            r.live.node.assign(node);
            moved = true;
        }
    });
    return moved &&
           amend(session, now, [&](Session &s) { s.node.assign(node); });
}

void Sessions::rehome(const Id &session, std::string_view node, WallMs now) {
    if (!move(session, node, now)) {
        amend(session, now, [&](Session &s) { s.node.assign(node); });
    }
    auto known = find(session, now);
    if (known) {
        remember(zone_, session, node, known->srs_service.view(),
                 known->srs_client.view(), now);
    }
}

} // namespace ks::zone
