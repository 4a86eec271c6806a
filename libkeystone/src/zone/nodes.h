// The media servers as the workers of this nginx see them: whether they answer,
// and whether they may take new streams.  A few, by name; they stay when the
// configuration forgets them, because sessions on them may go on.
#pragma once

#include "base/fixed.h"
#include "base/time.h"
#include "zone/mutex.h"

#include <atomic>
#include <optional>
#include <string_view>
#include <vector>

namespace ks::zone {

enum class NodeState : uint8_t { unknown, up, down };
std::string_view name(NodeState s);

// Trivially copyable.
struct Node {
    Fixed<31> name;
    NodeState state = NodeState::unknown;
    bool drained = false;  // keeps what it has, takes nothing new
    bool is_srs = false;   // its API has answered as SRS does
    bool hooked = false;   // it has called a hook of ours
    bool refused = false;  // down: nobody listens there
    bool wanted = false;   // its clients should be looked at soon
    int32_t failures = 0;  // in a row
    Fixed<63> server_id;   // as SRS calls itself
    Fixed<15> service_id;  // of the process that runs now
    WallMs changed_at = 0; // of state
    WallMs checked_at = 0; // last answer or failure
    WallMs listed_at = 0;  // its clients were last compared with our sessions
    int32_t clients = 0;   // at that time
};

class Nodes {
  public:
    static constexpr size_t kMax = 64;
    // So many failures in a row are a node that is down.
    static constexpr int32_t kFailures = 2;

    void init();

    std::optional<Node> find(std::string_view name);
    std::vector<Node> all();
    // What an answer or a failure says of the node; the state before.  A
    // refused connection (`sure`) is enough, a time-out has to come twice.
    NodeState answered(std::string_view name, std::string_view server_id,
                       std::string_view service_id, WallMs now);
    NodeState failed(std::string_view name, bool sure, WallMs now);
    // It did not take a connection, and why is not known.
    NodeState suspect(std::string_view name, WallMs now);
    // Something is odd there: look before the time comes.
    void hooked(std::string_view name);
    void want(std::string_view name);
    void listed(std::string_view name, int32_t clients, WallMs now);
    // True: it was not so before.
    bool drain(std::string_view name, bool drained, WallMs now);

  private:
    NodeState fail(Node &n, WallMs now);
    // Under the lock; makes the record when there is room.
    Node *record(std::string_view name);
    template <class Fn> auto locked(Fn fn);

    Mutex mutex_;
    uint32_t count_;
    Node nodes_[kMax];
};

} // namespace ks::zone
