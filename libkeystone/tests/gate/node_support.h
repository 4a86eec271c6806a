// A gate in front of a media server.
#pragma once

#include "fake_node.h"
#include "gate/hooks.h"
#include "gate/nodes.h"
#include "gate/open.h"
#include "gate/placement.h"
#include "support.h"

namespace ks::test {

struct NodeWorld : GateWorld, FakeNode {
    std::unique_ptr<gate::Upstream> up;
    std::unique_ptr<gate::Hooks> hooks;
    std::unique_ptr<gate::Nodes> nodes;

    NodeWorld() {
        conf::SrsNode node;
        node.name = "srs_a";
        node.api = srs.address();
        config.srs_nodes.push_back(node);
        up = std::make_unique<gate::Upstream>(config, memory.zone(), loop);
        sessions.use(*up);
        hooks = std::make_unique<gate::Hooks>(config, access, limits, sessions,
                                              *up, tickets, loop);
        nodes = std::make_unique<gate::Nodes>(config, *store, memory.zone(),
                                              sessions, *up, loop);
    }
    ~NodeWorld() {
        loop.cancel_spawned();
        srs.stop();
    }

    srs::Hook hook_of(srs::Event event, const std::string &client,
                      const std::string &param, std::string tc_url = "",
                      std::string stream = "") {
        srs::Hook h;
        h.event = event;
        h.server_id = "node-a";
        h.service_id = service;
        h.client_id = client;
        h.ip = "192.0.2.9";
        h.vhost = "__defaultVhost__";
        h.app = "live";
        h.stream = stream.empty() ? id.str() : stream;
        h.param = param;
        h.tc_url = std::move(tc_url);
        h.stream_url = "/live/" + h.stream;
        h.stream_id = "vid-" + client;
        return h;
    }
    // As SRS would call it; empty: allowed.
    std::string hook(srs::Event event, const std::string &client,
                     const std::string &param, std::string tc_url = "",
                     std::string stream = "") {
        srs::Hook h =
            hook_of(event, client, param, std::move(tc_url), std::move(stream));
        auto verdict = run(hooks->take(h, "srs_a"));
        return verdict ? "" : std::string(code_name(verdict.error().code));
    }

    // A session as the gate opens one before it asks the node.
    Id session(model::Action action) {
        gate::Question q;
        q.action = action;
        q.protocol = action == model::Action::publish ? model::Protocol::whip
                                                      : model::Protocol::whep;
        q.stream = id.view();
        std::string with = key();
        q.credential = with;
        q.client_ip = "192.0.2.9";
        gate::Applicant who;
        who.action = action;
        who.protocol = q.protocol;
        who.client_ip = q.client_ip;
        Id opened;
        gate::Arrival arrival{access, sessions, loop,   &config,
                              q,      who,      opened, nullptr};
        auto admission = run(gate::admit(arrival));
        assert_int_equal(admission.code, Code::ok);
        return opened;
    }
    std::string param(const Id &session_id) {
        return "app=live&stream=" + id.str() +
               "&ks=" + tickets.make(session_id);
    }
    model::Session find(const Id &session_id) {
        auto found = sessions.table().find(session_id, loop.wall());
        assert_true(found.has_value());
        return *found;
    }
    std::string state(const Id &session_id) {
        return std::string(model::name(find(session_id).state));
    }
    int viewers() {
        auto live = sessions.table().find_live(id, loop.wall());
        return live ? live->viewers : 0;
    }
    std::optional<model::Session> publisher() {
        return sessions.table().publisher_of(id, loop.wall());
    }
};

} // namespace ks::test
