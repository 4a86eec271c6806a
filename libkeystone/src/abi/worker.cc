// Shared memory and the worker's life.

#include "abi/worker.h"

#include "abi/config.h"
#include "abi/text.h"

#include <exception>

using ks::abi::write_error;

namespace {

// What keystonectl or another host did ends sessions here, too.
void end_sessions(ks::gate::Sessions &sessions, const ks::store::Change &c) {
    using ks::model::EndReason;
    using ks::store::ChangeKind;
    switch (c.kind) {
    case ChangeKind::token_revoked:
        sessions.end_token(c.stream_id, c.token_id, EndReason::revoked);
        break;
    case ChangeKind::stream_disabled:
    case ChangeKind::stream_removed:
        sessions.end_stream(c.stream_id, EndReason::disabled);
        break;
    case ChangeKind::session_ended:
    case ChangeKind::session_linked:
    case ChangeKind::banned:
        if (sessions.hosts() != nullptr) {
            sessions.hosts()->heard(c);
        }
        break;
    case ChangeKind::stream_changed:
        break;
    }
}

} // namespace

extern "C" {

int ks_zone_init(void *addr, size_t size, const unsigned char key[16],
                 char *err, size_t errlen) noexcept {
    try {
        auto made = ks::zone::Zone::init(addr, size, key);
        if (!made) {
            write_error(err, errlen, made.error().detail);
            return KS_ERROR;
        }
        return KS_OK;
    } catch (const std::exception &e) {
        write_error(err, errlen, e.what());
        return KS_ERROR;
    }
}

ks_worker_t *ks_worker_create(const ks_config_t *cf, const ks_host_t *host,
                              void *zone, char *err, size_t errlen) noexcept {
    try {
        if (host->size < sizeof(ks_host_t)) {
            write_error(err, errlen, "the host is older than the library");
            return nullptr;
        }
        ks::zone::Zone *z = ks::zone::Zone::at(zone);
        if (z == nullptr) {
            write_error(err, errlen, "the zone has another layout");
            return nullptr;
        }
        auto w = std::make_unique<ks_worker_s>(cf->config.copy(), *host, *z);
        const ks::conf::StoreLimits &limits = w->config.store;
        auto store =
            ks::store::Store::make(w->config.store_url.reveal(), w->zone,
                                   {.pool = limits.pool,
                                    .queue = limits.queue,
                                    .timeout = limits.timeout,
                                    .pooler = limits.pooler});
        if (!store) {
            write_error(err, errlen, store.error().detail);
            return nullptr;
        }
        w->store = std::move(*store);
        if (w->config.redis.used()) {
            w->store->share(w->config.redis, w->config.jwt_secrets[0].reveal());
        }
        w->sessions = std::make_unique<ks::gate::Sessions>(
            w->zone, w->store.get(), w->loop);
        w->store->on_change(
            [sessions = w->sessions.get()](const ks::store::Change &change) {
                end_sessions(*sessions, change);
            });
        w->access =
            std::make_unique<ks::gate::Access>(*w->store, w->zone, w->loop);
        w->limits = std::make_unique<ks::gate::Limits>(w->config, w->zone,
                                                       w->store->rates());
        w->tickets = std::make_unique<ks::gate::Tickets>(w->config.jwt_secrets);
        w->upstream =
            std::make_unique<ks::gate::Upstream>(w->config, w->zone, w->loop);
        w->sessions->use(*w->upstream);
        if (w->config.several_hosts()) {
            w->hosts = std::make_unique<ks::gate::Hosts>(
                *w->store, *w->sessions, *w->upstream, w->loop);
            w->sessions->use(*w->hosts);
        }
        w->hls = std::make_unique<ks::gate::Hls>(*w->access, *w->limits,
                                                 *w->sessions, w->zone,
                                                 *w->tickets, w->loop);
        w->hooks = std::make_unique<ks::gate::Hooks>(
            w->config, *w->access, *w->limits, *w->sessions, *w->upstream,
            *w->tickets, w->loop);
        w->nodes = std::make_unique<ks::gate::Nodes>(
            w->config, *w->store, w->zone, *w->sessions, *w->upstream, w->loop);
        w->events = std::make_unique<ks::gate::Events>(w->zone, w->loop);
        w->api = std::make_unique<ks::api::Api>(w->config, *w->store, w->zone,
                                                *w->sessions, w->loop);
        w->api->use(*w->hooks);
        return w.release();
    } catch (const std::exception &e) {
        write_error(err, errlen, e.what());
        return nullptr;
    }
}

void ks_worker_start(ks_worker_t *w) noexcept {
    try {
        w->store->start();
        w->sessions->start();
        w->nodes->start();
        if (w->hosts != nullptr) {
            w->hosts->start();
        }
    } catch (const std::exception &e) {
        w->loop.log(ks::rt::LogLevel::alert, e.what());
    }
}

void ks_worker_run(ks_worker_t *w) noexcept {
    try {
        w->loop.run();
    } catch (const std::exception &e) {
        // Everything that can fail is caught where it belongs to somebody.
        w->loop.log(ks::rt::LogLevel::alert, e.what());
    }
}

void ks_worker_fd_event(ks_worker_t *w, void *token, unsigned ready) noexcept {
    try {
        static_cast<ks::rt::FdSink *>(token)->on_fd(ready);
        w->loop.run();
    } catch (const std::exception &e) {
        w->loop.log(ks::rt::LogLevel::alert, e.what());
    }
}

void ks_worker_drain(ks_worker_t *w) noexcept { w->loop.drain(); }

void ks_worker_destroy(ks_worker_t *w) noexcept { delete w; }

} // extern "C"
