// What handlers work with.  One a worker.
#pragma once

#include "api/access.h"
#include "api/page_cache.h"
#include "api/replay.h"
#include "api/request_id.h"
#include "api/row_cache.h"
#include "api/urls.h"
#include "conf/config.h"
#include "gate/hooks.h"
#include "gate/limits.h"
#include "gate/sessions.h"
#include "rt/loop.h"
#include "store/store.h"
#include "zone/sessions.h"
#include "zone/zone.h"

namespace ks::api {

struct Context {
    Context(const conf::Config &c, store::Store &s, zone::Zone &z,
            gate::Sessions &g, rt::Loop &l)
        : config(c), store(s), zone(z), sessions(g), loop(l), access(c, l),
          limits(c, z, s.rates()), urls(c), replay(c, s.idempotency(), l),
          pages(z), rows(z), request_ids(l.entropy()) {}

    const conf::Config &config;
    store::Store &store;
    zone::Zone &zone;
    gate::Sessions &sessions;
    gate::Hooks *hooks = nullptr; // null: hooks are off
    rt::Loop &loop;
    Access access;
    gate::Limits limits;
    Urls urls;
    Replay replay;
    PageCache pages;
    RowCache rows;
    RequestIds request_ids;
};

} // namespace ks::api
