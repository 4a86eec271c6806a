// A stream as its owner sees it, and the small part of it the gate needs.
#pragma once

#include "base/id.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::model {

enum class Visibility : uint8_t { public_, unlisted, private_ };

// What a second publisher meets while the first is there.
enum class Takeover : uint8_t {
    same_credential, // the same key or token replaces its own older session
    reject,
    replace
};

// idle -> connecting -> active -> reconnecting -> idle; disabled from any.
//   connecting    WHIP 201 sent or RTMP accepted, no media seen
//   reconnecting  the publisher went, the window is open
enum class Status : uint8_t {
    idle,
    connecting,
    active,
    reconnecting,
    disabled
};

std::string_view name(Visibility v); // "public", "unlisted", "private"
std::string_view name(Takeover t);
std::string_view name(Status s);
std::optional<Visibility> parse_visibility(std::string_view text);
std::optional<Takeover> parse_takeover(std::string_view text);
std::optional<Status> parse_status(std::string_view text);

// The truth in the store.  Live state is not here: see live.h.
struct Stream {
    Id id;
    Id owner_id;
    std::string title;
    std::string description;
    Visibility visibility = Visibility::unlisted;
    bool enabled = true;
    int max_viewers = 0; // 0: no limit
    int reconnect_window_seconds = 30;
    Takeover takeover = Takeover::same_credential;
    std::vector<std::string> allowed_origins; // empty: any
    std::string metadata = "{}";              // a JSON object, <= 4 KiB
    std::string key_prefix;                   // of the current key, to tell it
    WallMs key_rotated_at = 0;
    WallMs last_active_at = 0; // 0: never
    WallMs created_at = 0;
    WallMs updated_at = 0;
    int64_t version = 1; // counts changes: the ETag
};

// What decide() reads.  Trivially copyable: it lies in shared memory.
struct StreamFacts {
    Id id;
    Id owner_id;
    bool exists = false; // false: a cached "no such stream"
    bool enabled = false;
    Visibility visibility = Visibility::private_;
    Takeover takeover = Takeover::same_credential;
    int32_t max_viewers = 0;
    int32_t reconnect_window_seconds = 0;
    Fixed<255> allowed_origins; // joined by a blank; see kMaxOriginsText
    Millis read_at = 0;         // from the store, monotonic: for the cache
};

// A list that does not fit StreamFacts is refused when a stream is changed.
constexpr size_t kMaxOriginsText = 255;

// Should a list not fit all the same, whole entries are left out of the facts
// and at least one word stays: too long never comes to mean "any".
StreamFacts facts_of(const Stream &stream);

} // namespace ks::model
