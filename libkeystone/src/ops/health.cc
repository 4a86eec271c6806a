#include "ops/health.h"

#include "base/version.h"
#include "codec/json_writer.h"

namespace ks::ops {

namespace {

codec::Response json(unsigned status, std::string body) {
    codec::Response r;
    r.status = status;
    r.set("Content-Type", "application/json");
    r.set("Cache-Control", "no-store");
    r.body = std::move(body);
    return r;
}

} // namespace

codec::Response healthz() {
    codec::JsonWriter w;
    w.begin_object();
    w.member("status", "ok");
    w.member("version", version());
    w.end_object();
    return json(200, w.take());
}

codec::Response readyz(const conf::Config &config, const store::Store &store,
                       zone::Zone &zone, WallMs now) {
    store::StoreState state = store.state();
    codec::JsonWriter w;
    w.begin_object();
    w.member("status", state.ready ? "ready" : "not ready");
    w.key("checks");
    w.begin_object();
    w.key("store");
    w.begin_object();
    w.member("state", state.ready ? "up" : "down");
    w.member("age_ms", state.since > 0 ? now - state.since : 0);
    w.end_object();
    // Without it everything works: no reason to send requests elsewhere.
    store::SharedState redis = store.shared_state();
    if (redis.configured) {
        w.key("redis");
        w.begin_object();
        w.member("state", redis.usable ? "up" : "down");
        w.member("age_ms", redis.since > 0 ? now - redis.since : 0);
        w.end_object();
    }
    w.key("nodes");
    w.begin_object();
    for (const conf::SrsNode &node : config.srs_nodes) {
        auto known = zone.nodes().find(node.name);
        auto is = known ? known->state : zone::NodeState::unknown;
        WallMs since = known ? known->checked_at : 0;
        w.key(node.name);
        w.begin_object();
        w.member("state", zone::name(is));
        w.member("drained", known && known->drained);
        w.member("age_ms", since > 0 ? now - since : 0);
        w.end_object();
    }
    w.end_object();
    w.end_object();
    w.end_object();
    codec::Response r = json(state.ready ? 200 : 503, w.take());
    if (!state.ready) {
        r.set("Retry-After", "2");
    }
    return r;
}

} // namespace ks::ops
