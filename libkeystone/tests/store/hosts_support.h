// Two hosts at one database and one Redis: a zone and a store each, in one
// process and on one loop.
#pragma once

#include "../support/redis.h"

namespace ks::test {

constexpr std::string_view kSecret = "a secret that all hosts have, 32 bytes";

struct TwoHosts : Runner {
    struct OneHost {
        ZoneMemory memory;
        std::unique_ptr<store::Store> store;
        zone::Zone &zone() { return memory.zone(); }
    };

    TempDir dir;
    RealRedis redis;
    OneHost a, b;

    TwoHosts() { open(); }
    ~TwoHosts() { loop.cancel_spawned(); }

    void open() {
        for (OneHost *one : {&a, &b}) {
            auto made =
                store::Store::make("sqlite:" + dir.file("k.db"), one->zone());
            assert_true(made.ok());
            one->store = std::move(*made);
            one->store->share(redis.conf(), kSecret);
            auto opened = run(one->store->open());
            assert_true(opened.ok());
            one->store->start();
        }
        up();
    }
    void up() {
        until([&] {
            return a.store->shared()->state().usable &&
                   b.store->shared()->state().usable;
        });
    }

    store::CreatedStream stream() {
        store::NewUser user;
        user.email = "ann@example.org";
        user.name = "Ann";
        user.password_hash = "$x";
        auto made = run(a.store->users().create(user));
        model::Stream wanted;
        wanted.owner_id = made->id;
        wanted.title = "First";
        auto stream = run(a.store->streams().create(wanted));
        assert_true(stream.ok());
        return std::move(*stream);
    }
    void title(const Id &id, std::string title) {
        store::StreamPatch patch;
        patch.title = std::move(title);
        auto done = run(a.store->streams().patch(id, std::move(patch)));
        assert_true(done.ok());
    }
    uint64_t hits(OneHost &of, zone::Tier tier, bool hit = true) {
        auto &c = of.zone().counters();
        return c.look_ups(zone::CacheKind::stream, tier, hit) +
               c.look_ups(zone::CacheKind::token, tier, hit);
    }
    void settle() { // what nobody waits for has arrived
        for (OneHost *one : {&a, &b}) {
            auto done = run(one->store->shared()->call({"PING"}));
            assert_true(done.ok());
        }
    }
};

} // namespace ks::test
