// What a WHEP player is told while it plays: server-sent events
// (urn:ietf:params:whep:ext:core:server-sent-events).
//
// A feed is made for a session and read at an address of its own: EventSource
// cannot send a token, so that address is the capability.  Feeds lie in shared
// memory: whichever worker a reader comes to after a reload goes on with it.
//
// Nothing is queued for a reader.  It is told how what is now differs from what
// it was told last: a slow one misses what came and went, and costs nothing.
#pragma once

#include "base/result.h"
#include "model/session.h"
#include "rt/loop.h"
#include "zone/zone.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ks::gate {

class EventReader;

class Events {
  public:
    enum Kind : uint8_t {
        active = 1,
        inactive = 2,
        viewercount = 4,
        reconnect = 8
    };
    // As advertised: in the Link header of the 201.
    static constexpr std::string_view kNames =
        "active,inactive,viewercount,reconnect";
    static constexpr std::string_view kRelation =
        "urn:ietf:params:whep:ext:core:server-sent-events";

    static constexpr size_t kPerSession = 4;   // feeds
    static constexpr size_t kPerWorker = 4000; // readers

    Events(zone::Zone &zone, rt::Loop &loop);
    ~Events();
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    // Kinds out of a JSON array of names; bad_request for one not advertised.
    static Result<uint8_t> read_kinds(std::string_view json);

    // It may be one's id.
    static bool is_name(std::string_view text);

    // A new feed of a session that plays.
    Result<Id> make(const model::Session &session, uint8_t kinds);
    // One that another host made, see hosts.h.
    void know(const Id &feed, const model::Session &session, uint8_t kinds);
    // There is one, and its session lives.
    bool has(const Id &feed, std::string_view stream);
    bool end(const Id &feed, std::string_view stream);
    // Whoever reads it already is ended.  `known`: Last-Event-ID, as that
    // reader was told.
    Result<std::shared_ptr<EventReader>>
    read(const Id &feed, std::string_view stream, std::string_view known);

  private:
    friend class EventReader;
    struct State;

    std::unique_ptr<State> state_; // readers go before it does
};

// One response that goes on.  Ends when its session or feed does, when another
// reads the feed, and when the worker drains.
class EventReader {
  public:
    enum class Next { piece, wait, end };

    EventReader(Events::State &events, const Id &feed, const zone::Feed &record,
                std::string_view known);
    ~EventReader();
    EventReader(const EventReader &) = delete;
    EventReader &operator=(const EventReader &) = delete;

    // What to send next.  wait: `then` is queued, once, when it is worth
    // asking again.
    Next next(std::string *piece, rt::Ready &then);

  private:
    friend class Events;
    struct View;

    View look() const;
    bool wants(Events::Kind kind) const { return (kinds_ & kind) != 0; }
    void add(std::string &out, std::string_view event, std::string_view data);
    void tell(const View &view, std::string &out);
    std::string last_words(const View &view);
    void tick();

    Events::State &events_;
    size_t index_ = 0; // among the worker's
    rt::Ready *then_ = nullptr;
    Id feed_;
    Id session_;
    Id stream_;
    uint32_t reader_;
    uint8_t kinds_;

    bool first_ = true;
    bool ended_ = false;
    Millis sent_at_ = 0;
    Millis counted_at_ = 0;
    Millis seen_at_ = 0;
    // what it was told
    char state_ = '-'; // nothing yet, or 'a'ctive, or 'i'nactive
    int32_t viewers_ = -1;
    bool moved_ = false;
};

} // namespace ks::gate
