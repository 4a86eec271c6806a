#include "ops/metrics.h"

#include "base/version.h"
#include "zone/sessions.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <initializer_list>
#include <utility>

namespace ks::ops {

using model::Action;
using model::EndReason;
using model::Protocol;

namespace {

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

constexpr std::string_view kNamespace = "keystone_";

class Text {
  public:
    void family(std::string_view name, std::string_view type,
                std::string_view help) {
        name_ = std::string(kNamespace) + std::string(name);
        out_ += "# HELP " + name_ + ' ' + std::string(help) + "\n# TYPE " +
                name_ + ' ' + std::string(type) + '\n';
    }

    void sample(Labels labels, uint64_t value, std::string_view suffix = {}) {
        line(labels, suffix);
        out_ += std::to_string(value) + '\n';
    }

    void sample(Labels labels, double value, std::string_view suffix = {}) {
        line(labels, suffix);
        char text[32];
        std::snprintf(text, sizeof(text), "%.6f\n", value);
        out_ += text;
    }

    std::string take() { return std::move(out_); }

  private:
    void line(Labels labels, std::string_view suffix) {
        out_ += name_;
        out_ += suffix;
        char next = '{';
        for (const Label &l : labels) {
            out_ += next;
            out_ += l.first;
            out_ += "=\"";
            out_ += l.second; // names of ours: nothing to escape
            out_ += '"';
            next = ',';
        }
        out_ += labels.size() > 0 ? "} " : " ";
    }

    std::string out_;
    std::string name_;
};

template <class E, class Fn> void each(E last, Fn fn) {
    for (int i = 0; i <= static_cast<int>(last); i++) {
        fn(static_cast<E>(i));
    }
}

constexpr unsigned kClasses[] = {200, 300, 400, 500};

std::string_view class_name(unsigned status) {
    constexpr std::array<std::string_view, 6> kNames = {"none", "1xx", "2xx",
                                                        "3xx",  "4xx", "5xx"};
    return kNames[status / 100];
}

void requests(Text &t, const zone::Counters &c) {
    t.family("http_requests_total", "counter",
             "HTTP requests by room and class of status.");
    each(zone::Room::metrics, [&](zone::Room room) {
        for (unsigned status : kClasses) {
            uint64_t n = c.answers(room, status);
            if (n > 0) {
                t.sample({{"room", zone::name(room)},
                          {"status", class_name(status)}},
                         n);
            }
        }
    });
}

void decisions(Text &t, const zone::Counters &c) {
    t.family("decisions_total", "counter",
             "What authorize() said, by protocol, action and reason.");
    each(Protocol::flv, [&](Protocol p) {
        each(Action::play, [&](Action a) {
            for (size_t i = 0; i < zone::index(Code::count_); i++) {
                auto code = static_cast<Code>(i);
                uint64_t n = c.decisions(p, a, code);
                if (n > 0) {
                    t.sample({{"protocol", model::name(p)},
                              {"action", model::name(a)},
                              {"reason", code_name(code)}},
                             n);
                }
            }
        });
    });
}

void sessions(Text &t, zone::Zone &zone, WallMs now) {
    const zone::Counters &c = zone.counters();
    t.family("sessions_opened_total", "counter",
             "Sessions by protocol and action.");
    each(Protocol::flv, [&](Protocol p) {
        each(Action::play, [&](Action a) {
            uint64_t n = c.opens(p, a);
            if (n > 0) {
                t.sample(
                    {{"protocol", model::name(p)}, {"action", model::name(a)}},
                    n);
            }
        });
    });
    t.family("sessions_ended_total", "counter",
             "Sessions by protocol and reason of their end.");
    each(Protocol::flv, [&](Protocol p) {
        each(EndReason::timeout, [&](EndReason r) {
            uint64_t n = c.closes(p, r);
            if (n > 0) {
                t.sample(
                    {{"protocol", model::name(p)}, {"reason", model::name(r)}},
                    n);
            }
        });
    });

    uint64_t publishers = 0;
    uint64_t viewers = 0;
    // This host's: those of others are in their own metrics.
    zone.live().each(now, [&](const Id &, const zone::LiveRecord &r) {
        bool ours = !r.live.publisher.empty() && r.host.empty();
        publishers += ours ? 1 : 0;
        viewers += static_cast<uint64_t>(r.live.viewers - r.elsewhere);
    });
    t.family("publishers", "gauge", "Streams with a publisher now.");
    t.sample({}, publishers);
    t.family("viewers", "gauge", "Viewers of all streams now.");
    t.sample({}, viewers);
}

// Few, and named by the administrator.
void nodes(Text &t, zone::Zone &zone) {
    auto all = zone.nodes().all();
    if (all.empty()) {
        return;
    }
    t.family("node_up", "gauge", "1 when the media server answers.");
    for (const zone::Node &n : all) {
        bool up = n.state == zone::NodeState::up;
        t.sample({{"node", n.name.view()}}, uint64_t{up ? 1U : 0U});
    }
    t.family("node_drained", "gauge",
             "1 when the media server takes no new streams.");
    for (const zone::Node &n : all) {
        t.sample({{"node", n.name.view()}}, uint64_t{n.drained ? 1U : 0U});
    }
    t.family("node_clients", "gauge",
             "Clients of the media server when they were last listed.");
    for (const zone::Node &n : all) {
        t.sample({{"node", n.name.view()}}, static_cast<uint64_t>(n.clients));
    }
}

void caches(Text &t, const zone::Counters &c) {
    t.family("cache_lookups_total", "counter",
             "Look-ups by what was sought, tier and outcome.");
    for (size_t k = 0; k < zone::index(zone::CacheKind::count_); k++) {
        for (size_t i = 0; i < zone::index(zone::Tier::count_); i++) {
            for (bool hit : {true, false}) {
                auto kind = static_cast<zone::CacheKind>(k);
                auto tier = static_cast<zone::Tier>(i);
                uint64_t n = c.look_ups(kind, tier, hit);
                if (n > 0) {
                    t.sample({{"kind", zone::name(kind)},
                              {"tier", zone::name(tier)},
                              {"outcome", hit ? "hit" : "miss"}},
                             n);
                }
            }
        }
    }
}

void histograms(Text &t, const zone::Counters &c) {
    t.family("duration_seconds", "histogram", "How long things took.");
    for (size_t i = 0; i < zone::index(zone::Timer::count_); i++) {
        auto timer = static_cast<zone::Timer>(i);
        zone::Histogram::Reading r = c.timer(timer).read();
        if (r.count == 0) {
            continue;
        }
        uint64_t sum = 0;
        for (size_t b = 0; b < r.counts.size(); b++) {
            sum += r.counts[b];
            std::string bound = "+Inf";
            if (b < zone::Histogram::kBounds.size()) {
                char text[32];
                std::snprintf(text, sizeof(text), "%g",
                              static_cast<double>(zone::Histogram::kBounds[b]) /
                                  1e6);
                bound = text;
            }
            t.sample({{"what", zone::name(timer)}, {"le", bound}}, sum,
                     "_bucket");
        }
        t.sample({{"what", zone::name(timer)}},
                 static_cast<double>(r.sum_us) / 1e6, "_sum");
        t.sample({{"what", zone::name(timer)}}, r.count, "_count");
    }
}

void memory(Text &t, zone::Zone &zone) {
    auto usage = zone.usage();
    t.family("zone_entries", "gauge", "Entries in tables of shared memory.");
    for (const auto &u : usage) {
        t.sample({{"table", u.name}}, uint64_t{u.used});
    }
    t.family("zone_capacity", "gauge", "Room in tables of shared memory.");
    for (const auto &u : usage) {
        t.sample({{"table", u.name}}, uint64_t{u.capacity});
    }
    t.family("zone_evicted_total", "counter",
             "Entries that went because a table was full.");
    for (const auto &u : usage) {
        t.sample({{"table", u.name}}, u.evicted);
    }
    t.family("zone_repairs_total", "counter",
             "Locks taken over from a worker that died holding them.");
    for (const auto &u : usage) {
        t.sample({{"table", u.name}}, u.repairs);
    }
}

} // namespace

std::string metrics(zone::Zone &zone, const store::Store &store, WallMs now) {
    Text t;
    const zone::Counters &c = zone.counters();
    t.family("build_info", "gauge", "Version of the module.");
    t.sample({{"version", version()}}, uint64_t{1});
    t.family("store_up", "gauge", "1 when the store answers.");
    t.sample({}, uint64_t{store.state().ready ? 1U : 0U});
    store::SharedState redis = store.shared_state();
    if (redis.configured) {
        t.family("redis_up", "gauge", "1 when Redis answers this worker.");
        t.sample({}, uint64_t{redis.usable ? 1U : 0U});
    }
    t.family("workers", "gauge", "Workers that use the zone.");
    t.sample({}, static_cast<uint64_t>(zone.workers().count()));
    requests(t, c);
    decisions(t, c);
    sessions(t, zone, now);
    nodes(t, zone);
    caches(t, c);
    histograms(t, c);
    memory(t, zone);
    for (size_t i = 0; i < zone::index(zone::Counter::count_); i++) {
        auto counter = static_cast<zone::Counter>(i);
        t.family(std::string(zone::name(counter)) + "_total", "counter",
                 std::string(zone::help(counter)) + ".");
        t.sample({}, c.get(counter));
    }
    return t.take();
}

} // namespace ks::ops
