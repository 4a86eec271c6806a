// All that one worker process has, built from the bottom up.
#pragma once

#include "abi/answer.h"
#include "abi/c_host.h"
#include "api/api.h"
#include "conf/config.h"
#include "gate/access.h"
#include "gate/events.h"
#include "gate/hls.h"
#include "gate/hooks.h"
#include "gate/hosts.h"
#include "gate/limits.h"
#include "gate/nodes.h"
#include "gate/sessions.h"
#include "gate/ticket.h"
#include "gate/upstream.h"
#include "keystone.h"
#include "rt/loop.h"
#include "store/store.h"
#include "zone/zone.h"

#include <memory>

struct ks_worker_s {
    ks_worker_s(ks::conf::Config c, const ks_host_t &h, ks::zone::Zone &z)
        : config(std::move(c)), host(h), loop(host), zone(z) {}
    ~ks_worker_s() { loop.cancel_spawned(); } // they use what goes next

    ks::conf::Config config;
    ks::abi::CHost host;
    ks::rt::Loop loop;
    ks::zone::Zone &zone;
    std::unique_ptr<ks::store::Store> store;
    std::unique_ptr<ks::gate::Sessions> sessions;
    std::unique_ptr<ks::gate::Access> access;
    std::unique_ptr<ks::gate::Limits> limits;
    std::unique_ptr<ks::gate::Tickets> tickets;
    std::unique_ptr<ks::gate::Upstream> upstream;
    std::unique_ptr<ks::gate::Hosts> hosts; // null: this one is alone
    std::unique_ptr<ks::gate::Hls> hls;
    std::unique_ptr<ks::gate::Hooks> hooks;
    std::unique_ptr<ks::gate::Nodes> nodes;
    std::unique_ptr<ks::gate::Events> events;
    std::unique_ptr<ks::api::Api> api;

    // ks_http_problem()
    ks::codec::Response problem;
    ks_answer_memory problem_memory;
};
