// A gate on a real store, with one owner and one stream.
#pragma once

#include "../store/support.h"
#include "gate/access.h"
#include "gate/events.h"
#include "gate/hls.h"
#include "gate/limits.h"
#include "gate/rtc.h"
#include "gate/rtmp.h"
#include "gate/sessions.h"
#include "gate/ticket.h"
#include "gate/upstream.h"

namespace ks::test {

inline std::vector<Secret> test_secrets() {
    std::vector<Secret> all;
    all.emplace_back(std::string_view("a secret of the gate's tests"));
    return all;
}

struct GateWorld : StoreWorld {
    gate::Sessions sessions{memory.zone(), nullptr, loop};
    gate::Access access{*store, memory.zone(), loop};
    conf::Config config;
    gate::Events events{memory.zone(), loop};
    gate::Limits limits{config, memory.zone()};
    gate::Tickets tickets{test_secrets()};
    gate::Upstream upstream{config, memory.zone(), loop};
    gate::Hls hls{access, limits, sessions, memory.zone(), tickets, loop};
    model::User owner = user("owner@example.org");
    store::CreatedStream made = stream(owner.id);
    Id id = made.stream.id;

    ~GateWorld() { loop.cancel_spawned(); }

    std::string key() const { return std::string(made.key.reveal()); }

    std::string token(model::TokenKind kind, int max_uses = 0) {
        model::Token wanted;
        wanted.stream_id = id;
        wanted.kind = kind;
        wanted.max_uses = max_uses;
        auto token_made = run(store->tokens().create(wanted));
        assert_true(token_made.ok());
        return std::string(token_made->text.reveal());
    }
    void change(store::StreamPatch patch) {
        auto changed = run(store->streams().patch(id, std::move(patch)));
        assert_true(changed.ok());
    }
    Code ask(model::Action action, std::string_view stream_name,
             std::string_view credential,
             model::Protocol protocol = model::Protocol::rtmp) {
        gate::Question q;
        q.action = action;
        q.protocol = protocol;
        q.stream = stream_name;
        q.credential = credential;
        q.client_ip = "192.0.2.1";
        return run(access.authorize(q)).verdict.code;
    }
};

// A publisher or player over RTMP, and what happened to it.
struct Encoder {
    explicit Encoder(GateWorld &w)
        : world(w),
          rtmp(std::make_unique<gate::Rtmp>(w.access, w.limits, w.sessions,
                                            w.loop, w.config, w.tickets,
                                            [this](model::EndReason why) {
                                                kicked = why;
                                                // as nginx does: the connection is closed
                                                rtmp.reset();
                                            })) {}

    gate::RtmpVerdict ask(std::string name, std::string args = "",
                          model::Action action = model::Action::publish) {
        return world.run(
            rtmp->ask(request(std::move(name), std::move(args), action)));
    }
    static gate::RtmpRequest request(std::string name, std::string args,
                                     model::Action action) {
        gate::RtmpRequest r;
        r.action = action;
        r.app = "live";
        r.name = std::move(name);
        r.args = std::move(args);
        r.client_ip = "192.0.2.7";
        return r;
    }
    void media() { rtmp->media(1000, 0); }

    GateWorld &world;
    std::unique_ptr<gate::Rtmp> rtmp;
    model::EndReason kicked = model::EndReason::none;
};

} // namespace ks::test
