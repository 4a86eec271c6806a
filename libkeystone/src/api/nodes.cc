// GET /v1/nodes: the media servers as this nginx sees them, for admins.
#include "api/handlers.h"
#include "codec/json_writer.h"
#include "model/session.h"

#include <map>

namespace ks::api {

Reply list_nodes(Context &ctx, Call &call) {
    (void)call;
    WallMs now = ctx.loop.wall();
    struct Count {
        int publishers = 0;
        int viewers = 0;
    };
    std::map<std::string, Count, std::less<>> counts;
    zone::Sessions(ctx.zone).each(now, [&](const model::Session &s) {
        if (s.state == model::SessionState::closed || s.node.empty() ||
            !s.host.empty()) { // another nginx counts those
            return;
        }
        Count &c = counts[s.node.str()];
        (s.action == model::Action::publish ? c.publishers : c.viewers)++;
    });
    codec::JsonWriter w;
    w.begin_object();
    w.key("data");
    w.begin_array();
    for (const conf::SrsNode &node : ctx.config.srs_nodes) {
        auto known = ctx.zone.nodes().find(node.name);
        zone::Node n = known.value_or(zone::Node());
        const Count &count = counts[node.name];
        w.begin_object();
        w.member("name", node.name);
        w.member("state", zone::name(n.state));
        w.member("drained", n.drained);
        w.member("srs", n.is_srs);
        w.member("hooks_seen", n.hooked);
        w.member("server_id", n.server_id.view());
        w.member("service_id", n.service_id.view());
        w.member("publishers", count.publishers);
        w.member("viewers", count.viewers);
        w.member("clients", n.clients);
        w.member_time("changed_at", n.changed_at);
        w.member_time("checked_at", n.checked_at);
        w.end_object();
    }
    w.end_array();
    w.end_object();
    co_return json_answer(200, w.take());
}

} // namespace ks::api
