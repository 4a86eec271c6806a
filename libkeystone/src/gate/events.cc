#include "gate/events.h"

#include "codec/json.h"
#include "zone/sessions.h"

#include <algorithm>
#include <charconv>

namespace ks::gate {

using model::EndReason;
using model::SessionState;

namespace {

constexpr std::string_view kFeed = "evs_";
constexpr Millis kTick = 250;
constexpr Millis kHeartbeat = 15 * kSecond; // proxies cut what is silent
constexpr Millis kCountEvery = kSecond;     // viewercount, at most
constexpr Millis kSeenEvery = 10 * kSecond;
// After a reload all readers of a worker come at once: they are spread.
constexpr unsigned kRetryMin = 500;
constexpr unsigned kRetrySpread = 1000;

struct Name {
    Events::Kind kind;
    std::string_view text;
};
constexpr Name kKinds[] = {{Events::active, "active"},
                           {Events::inactive, "inactive"},
                           {Events::viewercount, "viewercount"},
                           {Events::reconnect, "reconnect"}};

Error bad(const std::string &what) {
    return Error(Code::bad_request,
                 what + " Send a JSON array of event types, these are: " +
                     std::string(Events::kNames) + ".");
}

} // namespace

struct Events::State : rt::Timer {
    State(zone::Zone &z, rt::Loop &l)
        : Timer(rt::Hold::none), zone(z), sessions(z), loop(l) {}

    // One look for all, as often as a kick is looked for.
    void expired() override {
        find_lost();
        for (size_t i = 0; i < readers.size(); i++) {
            readers[i]->tick(); // queues, and changes nothing here
        }
        if (!readers.empty()) {
            arm_in(kTick);
        }
    }

    // Nodes that do not answer: a few, and the same for all readers.
    void find_lost() {
        lost.clear();
        for (const zone::Node &node : zone.nodes().all()) {
            if (node.state == zone::NodeState::down) {
                lost.push_back(node.name);
            }
        }
    }
    bool is_lost(const Fixed<31> &node) const {
        return std::find(lost.begin(), lost.end(), node) != lost.end();
    }

    void add(EventReader &reader) {
        reader.index_ = readers.size();
        readers.push_back(&reader);
        if (!armed()) {
            find_lost();
            arm_in(kTick);
        }
    }
    void remove(EventReader &reader) {
        readers[reader.index_] = readers.back();
        readers[reader.index_]->index_ = reader.index_;
        readers.pop_back();
        if (readers.empty()) {
            disarm();
        }
    }

    bool plays(const Id &session) {
        bool lives = false;
        zone.sessions().peek(
            session, loop.wall(),
            [&](const zone::SessionRecord &r) { lives = !r.closed(); });
        return lives;
    }
    bool find(const Id &feed, std::string_view stream, zone::Feed *out) {
        return is_id(kFeed, feed.view()) &&
               zone.feeds().find(feed, loop.wall(), out) &&
               out->stream == stream && plays(out->session);
    }

    zone::Zone &zone;
    zone::Sessions sessions;
    rt::Loop &loop;
    std::vector<EventReader *> readers;
    std::vector<Fixed<31>> lost;
};

Events::Events(zone::Zone &zone, rt::Loop &loop)
    : state_(std::make_unique<State>(zone, loop)) {}

Events::~Events() = default;

Result<uint8_t> Events::read_kinds(std::string_view json) {
    auto parsed = codec::parse_json(json);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->is_array() || parsed->size() == 0) {
        return bad("That is no list of events.");
    }
    uint8_t kinds = 0;
    for (size_t i = 0; i < parsed->size(); i++) {
        auto text = parsed->at(i).as_string();
        uint8_t kind = 0;
        for (const Name &name : kKinds) {
            if (text && *text == name.text) {
                kind = name.kind;
            }
        }
        if (kind == 0) {
            return bad("Event type number " + std::to_string(i + 1) +
                       " of the list is not offered.");
        }
        kinds |= kind;
    }
    return kinds;
}

Result<Id> Events::make(const model::Session &session, uint8_t kinds) {
    State &s = *state_;
    WallMs now = s.loop.wall();
    size_t mine = 0;
    std::vector<std::pair<Id, Id>> idle;
    s.zone.feeds().each(now, [&](const Id &id, const zone::Feed &f) {
        if (now - f.seen_at >= zone::FeedPolicy::kIdle) {
            idle.emplace_back(id, f.session);
        } else if (f.session == session.id) {
            mine++;
        }
    });
    for (const auto &[id, of] : idle) {
        if (of == session.id || !s.plays(of)) {
            s.zone.feeds().erase(id);
        }
    }
    if (mine >= kPerSession) {
        return Error(Code::rate_limited,
                     "The session has " + std::to_string(kPerSession) +
                         " streams of events already: end one by DELETE.",
                     5);
    }
    Id id = make_id(kFeed, s.loop.entropy());
    zone::Feed feed;
    feed.session = session.id;
    feed.stream = session.stream_id;
    feed.seen_at = now;
    feed.kinds = kinds;
    if (!s.zone.feeds().put(id, feed, now, kNever)) {
        return Error(Code::overloaded,
                     "There are too many streams of events. Try again in a "
                     "moment.",
                     10);
    }
    return id;
}

bool Events::is_name(std::string_view text) { return is_id(kFeed, text); }

void Events::know(const Id &feed, const model::Session &session,
                  uint8_t kinds) {
    State &s = *state_;
    zone::Feed made;
    made.session = session.id;
    made.stream = session.stream_id;
    made.seen_at = s.loop.wall();
    made.kinds = kinds;
    s.zone.feeds().put(feed, made, made.seen_at, kNever);
}

bool Events::has(const Id &feed, std::string_view stream) {
    zone::Feed found;
    return state_->find(feed, stream, &found);
}

bool Events::end(const Id &feed, std::string_view stream) {
    zone::Feed found;
    return state_->find(feed, stream, &found) &&
           state_->zone.feeds().erase(feed);
}

Result<std::shared_ptr<EventReader>>
Events::read(const Id &feed, std::string_view stream, std::string_view known) {
    State &s = *state_;
    zone::Feed found;
    if (!s.find(feed, stream, &found)) {
        return Error(Code::not_found, "There is no such stream of events: it "
                                      "has ended, or the address is wrong.");
    }
    if (s.readers.size() >= kPerWorker) {
        return Error(Code::overloaded,
                     "There are too many readers of events. Try again in a "
                     "moment.",
                     10);
    }
    WallMs now = s.loop.wall();
    bool there = s.zone.feeds().update(feed, now, [&](zone::Feed &f) {
        f.reader++;
        f.seen_at = now;
        found = f;
    });
    if (!there) {
        return Error(Code::not_found, "The stream of events has just ended.");
    }
    return std::make_shared<EventReader>(s, feed, found, known);
}

struct EventReader::View {
    bool over = false;  // nothing more is to be told
    bool lost = false;  // ... because its media went: come again
    bool moved = false; // the media are elsewhere, or their server is down
    bool active = false;
    int32_t viewers = 0;
};

// Whoever comes back sends the id of the event that it had last, and that id
// says what it knows.
EventReader::EventReader(Events::State &events, const Id &feed,
                         const zone::Feed &record, std::string_view known)
    : events_(events), feed_(feed), session_(record.session),
      stream_(record.stream), reader_(record.reader), kinds_(record.kinds) {
    seen_at_ = sent_at_ = events_.loop.now();
    counted_at_ = seen_at_ - kCountEvery;
    if (known.size() > 2 && known[1] == '.' &&
        (known[0] == 'a' || known[0] == 'i')) {
        state_ = known[0];
        int32_t n = 0;
        auto [end, ec] = std::from_chars(known.begin() + 2, known.end(), n);
        viewers_ = ec == std::errc() && end == known.end() ? n : -1;
    }
    events_.add(*this);
}

EventReader::~EventReader() { events_.remove(*this); }

EventReader::View EventReader::look() const {
    Events::State &s = events_;
    WallMs now = s.loop.wall();
    View v;
    bool mine = false;
    s.zone.feeds().peek(
        feed_, now, [&](const zone::Feed &f) { mine = f.reader == reader_; });
    Fixed<31> node;
    EndReason why = EndReason::none;
    bool lives = false;
    s.zone.sessions().peek(session_, now, [&](const zone::SessionRecord &r) {
        lives = !r.closed();
        node = r.session.node;
        why = r.session.end_reason;
    });
    v.lost = mine && !lives && why == EndReason::upstream;
    v.over = !mine || !lives || s.loop.draining();
    s.zone.live().peek(stream_, now, [&](const zone::LiveRecord &r) {
        const model::Live &live = r.live;
        v.active = !live.publisher.empty() && live.media_at != 0;
        v.viewers = live.viewers;
        v.moved = v.active && !live.node.empty() && !(live.node == node);
    });
    v.moved = v.moved || s.is_lost(node);
    return v;
}

void EventReader::add(std::string &out, std::string_view event,
                      std::string_view data) {
    out += "id: ";
    out += state_;
    out += '.';
    out += viewers_ < 0 ? std::string("-") : std::to_string(viewers_);
    out += "\nevent: ";
    out += event;
    out += "\ndata: ";
    out += data;
    out += "\n\n";
}

// The first event is never `inactive`: who hears nothing knows that much.
void EventReader::tell(const View &view, std::string &out) {
    Millis now = events_.loop.now();
    if (view.active && state_ != 'a') {
        state_ = 'a';
        if (wants(Events::active)) {
            add(out, "active", "{}");
        }
    } else if (!view.active && state_ == 'a') {
        state_ = 'i';
        if (wants(Events::inactive)) {
            add(out, "inactive", "{}");
        }
    }
    if (wants(Events::viewercount) && view.viewers != viewers_ &&
        now - counted_at_ >= kCountEvery) {
        viewers_ = view.viewers;
        counted_at_ = now;
        add(out, "viewercount",
            "{\"viewercount\":" + std::to_string(viewers_) + "}");
    }
    if (view.moved != moved_) {
        moved_ = view.moved;
        if (moved_ && wants(Events::reconnect)) {
            add(out, "reconnect", "{}");
        }
    }
}

std::string EventReader::last_words(const View &view) {
    std::string out;
    if (view.lost && wants(Events::reconnect) && !moved_) {
        add(out, "reconnect", "{}");
    }
    return out;
}

EventReader::Next EventReader::next(std::string *piece, rt::Ready &then) {
    then_ = nullptr;
    piece->clear();
    if (ended_) {
        return Next::end;
    }
    Millis now = events_.loop.now();
    View view = look();
    if (first_) {
        first_ = false;
        std::array<uint8_t, 2> random;
        events_.loop.entropy().fill(random);
        unsigned spread = (random[0] * 256U + random[1]) * kRetrySpread / 65536;
        *piece = "retry: " + std::to_string(kRetryMin + spread) + "\n\n";
    }
    if (view.over) {
        ended_ = true;
        *piece += last_words(view);
    } else {
        tell(view, *piece);
        if (piece->empty() && now - sent_at_ >= kHeartbeat) {
            *piece = ":\n\n";
        }
    }
    if (!piece->empty()) {
        sent_at_ = now;
        return Next::piece;
    }
    if (ended_) {
        return Next::end;
    }
    then_ = &then;
    return Next::wait;
}

// Woken only if next() has something.
void EventReader::tick() {
    Events::State &s = events_;
    Millis now = s.loop.now();
    if (now - seen_at_ >= kSeenEvery) {
        seen_at_ = now;
        WallMs wall = s.loop.wall();
        s.zone.feeds().update(feed_, wall,
                              [&](zone::Feed &f) { f.seen_at = wall; });
    }
    if (then_ == nullptr) {
        return; // still busy with the last piece
    }
    View view = look();
    bool due = view.over || view.active != (state_ == 'a') ||
               view.moved != moved_ || now - sent_at_ >= kHeartbeat ||
               (wants(Events::viewercount) && view.viewers != viewers_ &&
                now - counted_at_ >= kCountEvery);
    if (due) {
        s.loop.ready(*std::exchange(then_, nullptr));
    }
}

} // namespace ks::gate
