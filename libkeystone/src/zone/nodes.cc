#include "zone/nodes.h"

#include <algorithm>

namespace ks::zone {

std::string_view name(NodeState s) {
    constexpr std::string_view kNames[] = {"unknown", "up", "down"};
    return kNames[static_cast<size_t>(s)];
}

void Nodes::init() {
    mutex_.init();
    count_ = 0;
}

// A record is written member by member and each is sound by itself: after a
// death inside there is nothing to repair but the count.
template <class Fn> auto Nodes::locked(Fn fn) {
    Guard guard(mutex_, [this] { count_ = std::min<uint32_t>(count_, kMax); });
    return fn();
}

Node *Nodes::record(std::string_view name) {
    for (uint32_t i = 0; i < count_; i++) {
        if (nodes_[i].name == name) {
            return &nodes_[i];
        }
    }
    if (count_ == kMax || !Fixed<31>::fits(name)) {
        return nullptr;
    }
    nodes_[count_] = Node();
    nodes_[count_].name.assign(name);
    return &nodes_[count_++];
}

std::optional<Node> Nodes::find(std::string_view name) {
    return locked([&]() -> std::optional<Node> {
        for (uint32_t i = 0; i < count_; i++) {
            if (nodes_[i].name == name) {
                return nodes_[i];
            }
        }
        return std::nullopt;
    });
}

std::vector<Node> Nodes::all() {
    return locked([&] { return std::vector<Node>(nodes_, nodes_ + count_); });
}

NodeState Nodes::answered(std::string_view name, std::string_view server_id,
                          std::string_view service_id, WallMs now) {
    return locked([&] {
        Node *n = record(name);
        if (n == nullptr) {
            return NodeState::unknown;
        }
        NodeState before = n->state;
        n->failures = 0;
        n->refused = false;
        n->checked_at = now;
        if (!service_id.empty()) {
            n->is_srs = true;
            n->server_id.assign(server_id);
            n->service_id.assign(service_id);
        }
        if (before != NodeState::up) {
            n->state = NodeState::up;
            n->changed_at = now;
        }
        return before;
    });
}

NodeState Nodes::failed(std::string_view name, bool sure, WallMs now) {
    return locked([&] {
        Node *n = record(name);
        if (n == nullptr) {
            return NodeState::unknown;
        }
        n->refused = sure;
        return fail(*n, now);
    });
}

NodeState Nodes::suspect(std::string_view name, WallMs now) {
    return locked([&] {
        Node *n = record(name);
        return n == nullptr ? NodeState::unknown : fail(*n, now);
    });
}

NodeState Nodes::fail(Node &n, WallMs now) {
    NodeState before = n.state;
    n.failures++;
    n.checked_at = now;
    if (before != NodeState::down && (n.refused || n.failures >= kFailures)) {
        n.state = NodeState::down;
        n.changed_at = now;
    }
    return before;
}

void Nodes::hooked(std::string_view name) {
    locked([&] {
        Node *n = record(name);
        if (n != nullptr) {
            n->hooked = true;
        }
        return 0;
    });
}

void Nodes::want(std::string_view name) {
    locked([&] {
        Node *n = record(name);
        if (n != nullptr) {
            n->wanted = true;
        }
        return 0;
    });
}

void Nodes::listed(std::string_view name, int32_t clients, WallMs now) {
    locked([&] {
        Node *n = record(name);
        if (n != nullptr) {
            n->listed_at = now;
            n->wanted = false;
            n->clients = clients;
        }
        return 0;
    });
}

bool Nodes::drain(std::string_view name, bool drained, WallMs now) {
    return locked([&] {
        Node *n = record(name);
        if (n == nullptr || n->drained == drained) {
            return false;
        }
        n->drained = drained;
        n->changed_at = now;
        return true;
    });
}

} // namespace ks::zone
