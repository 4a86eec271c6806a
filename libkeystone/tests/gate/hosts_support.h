// Two nginx hosts over one store, in one process and on one clock.
#pragma once

#include "gate/hooks.h"
#include "gate/hosts.h"
#include "gate/open.h"
#include "support.h"

namespace ks::test {

// What one worker of one host has.
struct TestHost {
    TestHost(Runner &r, const std::string &url, uint8_t number,
             const std::vector<conf::SrsNode> &nodes,
             size_t zone_size = ZoneMemory::kSize,
             const conf::Redis &redis = {})
        : runner(r), memory(number, zone_size) {
        config.srs_nodes = nodes;
        auto made = store::Store::make(url, memory.zone());
        assert_true(made.ok());
        store = std::move(*made);
        if (redis.used()) {
            store->share(redis, "a secret that all hosts have, 32 bytes");
            store->shared()->start();
            r.until([&] { return store->shared()->usable(); });
        }
        auto opened = r.run(store->open());
        assert_true(opened.ok());
        sessions.emplace(memory.zone(), store.get(), r.loop);
        upstream.emplace(config, memory.zone(), r.loop);
        access.emplace(*store, memory.zone(), r.loop);
        limits.emplace(config, memory.zone());
        hosts.emplace(*store, *sessions, *upstream, r.loop);
        sessions->use(*upstream);
        sessions->use(*hosts);
        store->on_change([this](const store::Change &c) {
            if (c.kind == store::ChangeKind::token_revoked) {
                sessions->end_token(c.stream_id, c.token_id,
                                    model::EndReason::revoked);
            }
            hosts->heard(c);
        });
    }

    // All that repeats, once.
    void turn() {
        runner.run(one_turn());
        flush();
    }
    rt::Task<int> one_turn() {
        co_await hosts->beat();
        co_await hosts->watch();
        co_await hosts->tell();
        co_await hosts->count();
        co_await hosts->read(false);
        co_await hosts->refresh();
        auto heard = co_await store->changes().poll();
        (void)heard;
        co_return 0;
    }
    // As the ticker writes behind.
    void flush() {
        auto dirty = table().take_dirty(200, runner.loop.wall());
        std::vector<model::Session> rows;
        for (const auto &d : dirty) {
            rows.push_back(d.session);
            rows.back().host = id();
        }
        auto written = runner.run(store->sessions().write(std::move(rows)));
        assert_true(written.ok());
        table().flushed(dirty, runner.loop.wall());
    }
    zone::Sessions &table() { return sessions->table(); }
    const Id &id() { return hosts->self(); }
    std::optional<model::Live> live(const Id &stream) {
        return table().find_live(stream, runner.loop.wall());
    }
    std::string status(const Id &stream) {
        auto now = live(stream);
        return std::string(model::name(
            model::status_of(true, now ? &*now : nullptr, runner.loop.wall())));
    }
    std::optional<model::Session> find(const Id &session) {
        return table().find(session, runner.loop.wall());
    }
    int64_t term(const Id &stream) {
        int64_t term = 0;
        memory.zone().live().peek(
            stream, runner.loop.wall(),
            [&](const zone::LiveRecord &r) { term = r.term; });
        return term;
    }
    std::string end_of(const Id &session) {
        auto s = find(session);
        return s ? std::string(model::name(s->end_reason)) : "unknown";
    }

    Runner &runner;
    ZoneMemory memory;
    conf::Config config;
    std::unique_ptr<store::Store> store;
    std::optional<gate::Sessions> sessions;
    std::optional<gate::Upstream> upstream;
    std::optional<gate::Access> access;
    std::optional<gate::Limits> limits;
    std::optional<gate::Hosts> hosts;
};

struct HostsWorld : Runner {
    TempDir dir;
    std::string url = "sqlite:" + dir.file("k.db");
    TestHost a;
    TestHost b;
    Id id;
    std::string key;

    explicit HostsWorld(const std::vector<conf::SrsNode> &nodes = {},
                        const conf::Redis &redis = {})
        : a(*this, url, 1, nodes, ZoneMemory::kSize, redis),
          b(*this, url, 2, nodes, ZoneMemory::kSize, redis) {
        store::NewUser wanted;
        wanted.email = "a@example.org";
        wanted.name = "N";
        wanted.password_hash = "$x";
        auto user = run(a.store->users().create(wanted));
        assert_true(user.ok());
        model::Stream stream;
        stream.owner_id = user->id;
        stream.title = "T";
        auto made = run(a.store->streams().create(stream));
        assert_true(made.ok());
        id = made->stream.id;
        key = made->key.reveal();
        turns();
    }
    ~HostsWorld() { loop.cancel_spawned(); }

    // Whatever there is to be told is known to both.
    void turns() {
        for (int i = 0; i < 2; i++) {
            a.turn();
            b.turn();
        }
    }
    std::string token(model::TokenKind kind) {
        model::Token wanted;
        wanted.stream_id = id;
        wanted.kind = kind;
        auto made = run(a.store->tokens().create(wanted));
        assert_true(made.ok());
        return std::string(made->text.reveal());
    }
    void change(store::StreamPatch patch) {
        for (TestHost *h : {&a, &b}) {
            auto changed = run(h->store->streams().patch(id, patch));
            assert_true(changed.ok());
        }
    }
    // A publisher or viewer at a host; `opened` is its session.
    rt::Task<gate::Admission>
    arrive(TestHost &h, std::string_view credential, Id &opened,
           model::Action action = model::Action::publish,
           model::Protocol protocol = model::Protocol::rtmp) {
        gate::Question q;
        q.action = action;
        q.protocol = protocol;
        q.stream = id.view();
        q.credential = credential;
        q.client_ip = "192.0.2.1";
        gate::Applicant who;
        who.action = action;
        who.protocol = protocol;
        who.client_ip = q.client_ip;
        bool held = protocol == model::Protocol::rtmp;
        who.owner_pid = held ? h.sessions->pid() : 0;
        gate::Arrival arrival{*h.access, *h.sessions, loop,   nullptr,
                              q,         who,         opened, nullptr};
        arrival.at_node = held ? "" : "srs_a";
        return gate::admit(arrival);
    }
    gate::Admission admit(TestHost &h, std::string_view credential, Id &opened,
                          model::Action action = model::Action::publish,
                          model::Protocol protocol = model::Protocol::rtmp) {
        return run(arrive(h, credential, opened, action, protocol));
    }
    // Of a publisher that is not there yet.
    model::Session claimant() {
        model::Session s;
        s.id = make_id(prefix::kSession, loop.entropy());
        s.stream_id = id;
        s.action = model::Action::publish;
        s.started_at = loop.wall();
        return s;
    }
    // A claim of one, of which nothing more comes.
    gate::Hosts::Claim claim(TestHost &h) {
        auto claim = run(h.hosts->claim(claimant(), 30, h.term(id)));
        assert_true(claim.won);
        return claim;
    }
    // Sessions that history has as not ended.
    size_t open_in_history() {
        auto page = run(a.store->sessions().list({}, {}));
        assert_true(page.ok());
        return static_cast<size_t>(
            std::count_if(page->rows.begin(), page->rows.end(),
                          [](const auto &s) { return s.ended_at == 0; }));
    }
    // A viewer by RTMP.
    Id watch(TestHost &h, std::string_view credential) {
        Id session;
        auto admission = admit(h, credential, session, model::Action::play);
        assert_int_equal(admission.code, Code::ok);
        return session;
    }
    // A publisher by RTMP that sends.
    Id publish(TestHost &h, std::string_view credential) {
        Id session;
        auto admission = admit(h, credential, session);
        assert_int_equal(admission.code, Code::ok);
        h.table().media(session, 1000, 0, loop.wall());
        return session;
    }
};

} // namespace ks::test
