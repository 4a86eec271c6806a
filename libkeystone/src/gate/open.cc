#include "gate/open.h"

namespace ks::gate {

OpenedSession open_session(Sessions &sessions, const Decision &decision,
                           const Applicant &who, rt::Loop &loop) {
    WallMs now = loop.wall();
    model::Session s;
    s.id = make_id(prefix::kSession, loop.entropy());
    s.stream_id = decision.stream.id;
    s.token_id = decision.token.id;
    s.user_id = decision.stream.owner_id;
    s.action = who.action;
    s.protocol = who.protocol;
    s.client_ip.assign(who.client_ip);
    s.user_agent.assign(who.user_agent);
    s.viewer_ref = decision.token.viewer_ref;
    s.node.assign(who.node);
    s.started_at = now;
    s.seen_at = now;
    s.owner_pid = who.owner_pid;
    if (who.action == model::Action::play) {
        s.user_id = Id();
    }

    zone::Sessions::Opened opened;
    if (who.action == model::Action::publish) {
        Id replaces;
        if (decision.verdict.replaces) {
            replaces = decision.publisher;
        }
        opened =
            sessions.table().open_publisher(s, decision.stream, replaces, now);
    } else {
        opened = sessions.table().open_viewer(s, decision.stream.max_viewers,
                                              who.viewer, now);
    }
    OpenedSession out;
    out.what = opened.what;
    if (opened.ok()) {
        out.session = s.id;
        out.replaced = opened.other;
    } else if (opened.what == zone::Sessions::Open::present) {
        out.session = opened.other;
    }
    return out;
}

} // namespace ks::gate
