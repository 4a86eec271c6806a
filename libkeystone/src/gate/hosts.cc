#include "gate/hosts.h"

#include "base/counted.h"
#include "gate/place.h"
#include "rt/wait.h"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace ks::gate {

using model::Session;
using model::SessionState;

namespace {

constexpr Millis kTick = 100;
constexpr Millis kBeatEvery = 2 * kSecond;
constexpr Millis kWatchEvery = kSecond;
constexpr Millis kRecoverEvery = kSecond; // until the store tells
constexpr Millis kLastWords = 2 * kSecond;
constexpr Millis kTellEvery = 200;
constexpr Millis kReadEvery = 500;
constexpr Millis kAllEvery = 30 * kSecond; // clocks of hosts differ
constexpr Millis kRefreshEvery = kSecond;
// At a reload the new workers may come a little later than the old ones go.
constexpr Millis kNobodyComes = kSecond;

std::string host_name() {
    char name[256] = "";
    gethostname(name, sizeof(name) - 1);
    return name;
}

} // namespace

Hosts::Hosts(store::Store &store, Sessions &sessions, Upstream &upstream,
             rt::Loop &loop)
    : store_(store), leases_(store.shared()), sessions_(sessions),
      zone_(sessions.zone()), upstream_(upstream), loop_(loop),
      started_at_(loop.wall()) {}

void Hosts::start() {
    store_.bus().on(kLive, [this](std::string_view stream) {
        read_at_ = 0;
        if (stream.empty()) {
            look_at_leases();
        } else if (sessions_.leads() && is_id(prefix::kStream, stream)) {
            loop_.spawn(look_at_lease(Id(stream)));
        }
    });
    loop_.on_drain([this] { loop_.spawn(leave()); });
    loop_.spawn(tick());
}

// Also while the worker drains: what it holds may go on for hours.
rt::Task<void> Hosts::tick() {
    while (!left_) {
        co_await rt::sleep_for(kTick, rt::Hold::none);
        if (!sessions_.leads()) {
            led_ = led_ && loop_.draining(); // then it leads now and then
            beat_at_ = led_ ? beat_at_ : 0;
            continue;
        }
        if (!beating_ && loop_.now() >= beat_at_) {
            beating_ = true;
            loop_.spawn(beat_now());
        }
        if (!busy_) {
            busy_ = true;
            loop_.spawn(turn());
        }
    }
}

// Whatever a turn waits for, an estate of thousands of sessions above all: who
// does not beat is taken for dead.
rt::Task<void> Hosts::beat_now() {
    Flagged inside(beating_);
    beat_at_ = loop_.now() + kBeatEvery;
    co_await beat();
}

rt::Task<void> Hosts::turn() {
    Flagged inside(busy_);
    Millis now = loop_.now();
    if (!led_) { // what another worker knew is not known here
        told_.clear();
        counted_.clear();
        heard_.clear();
        audience_.clear();
        others_.clear();
        strays_.clear();
        live_since_ = audience_since_ = 0;
        all_at_ = 0;
        sound_since_ = watched_at_ = -1;
        recovered_ = false;
        led_ = true;
    }
    if (!recovered_ && now >= recover_at_) {
        recover_at_ = now + kRecoverEvery;
        recovered_ = co_await recover();
    }
    if (now >= watch_at_) {
        watch_at_ = now + kWatchEvery;
        co_await watch();
    }
    if (now >= tell_at_) {
        tell_at_ = now + kTellEvery;
        co_await tell();
    }
    if (now >= read_at_) {
        read_at_ = now + kReadEvery;
        bool all = now >= all_at_;
        if (all) {
            all_at_ = now + kAllEvery;
        }
        co_await count();
        co_await read(all);
        if (loop_.draining()) { // nobody else here listens any more
            auto heard = co_await store_.changes().poll();
            (void)heard;
        }
    }
    if (now >= leases_at_) {
        leases_at_ = now + store::Leases::kKeepEvery;
        if (!keeping_) { // a slow Redis must not keep us from beating
            loop_.spawn(keep_leases());
        }
    }
    if (now >= refresh_at_ && !refreshing_) {
        refresh_at_ = now + kRefreshEvery;
        loop_.spawn(refresh()); // of thousands it takes a while
    }
}

// The last worker says what became of its sessions, and that this host is no
// more: so nobody has to wait until it is taken for dead.
rt::Task<void> Hosts::leave() {
    while (sessions_.holds() > 0) {
        co_await rt::sleep_for(kTick); // they hold the worker themselves
    }
    left_ = sessions_.retire();
    if (!left_) {
        co_return;
    }
    co_await rt::sleep_for(kNobodyComes);
    if (!sessions_.is_last()) {
        co_return;
    }
    auto words = last_words();
    auto said = co_await rt::within(std::move(words), kLastWords,
                                    Code::store_unavailable, "");
    if (!said) {
        loop_.log(rt::LogLevel::notice,
                  "the other hosts were not told that this one ends");
    }
}

rt::Task<Result<void>> Hosts::last_words() {
    co_await sessions_.write();
    co_await tell();
    Id me = self();
    auto left = co_await store_.hosts().leave(me);
    co_return left;
}

void Hosts::sound(bool good) {
    if (!good) {
        if (sound_since_ >= 0) {
            leases_at_ = 0; // now Redis has the say
        }
        sound_since_ = -1;
    } else if (sound_since_ < 0) {
        sound_since_ = loop_.now();
    }
}

Millis Hosts::sound_for() {
    return sound_since_ < 0 ? 0 : loop_.now() - sound_since_;
}

rt::Task<void> Hosts::beat() {
    store::HostRow me;
    me.id = self();
    me.name = host_name();
    std::vector<pid_t> processes = zone_.workers().processes();
    processes.push_back(getppid());
    me.place = make_place(processes);
    me.started_at = started_at_;
    me.seen_at = loop_.wall();
    auto beats = co_await store_.hosts().beat(std::move(me));
    sound(beats.ok());
    if (!beats) {
        co_return;
    }
    bool buried = zone_.beats() > 0 && *beats <= zone_.beats();
    if (buried) {
        bool settled = co_await was_buried();
        if (!settled) {
            co_return; // the next beat finds the same
        }
    }
    zone_.beaten(*beats);
}

} // namespace ks::gate
