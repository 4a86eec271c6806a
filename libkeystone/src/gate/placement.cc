#include "gate/placement.h"

#include "base/hash.h"

namespace ks::gate {

namespace {

// A fixed key: all workers of all hosts must come to the same node.
constexpr SipKey kKey{0x6b657973746f6e65, 0x706c6163656d656e};

uint64_t weight(std::string_view stream, std::string_view node) {
    SipKey key = kKey;
    key.k1 ^= siphash24(kKey, node);
    return siphash24(key, stream);
}

const conf::SrsNode *node_of(const conf::Config &config,
                             std::string_view name) {
    for (const conf::SrsNode &node : config.srs_nodes) {
        if (name == node.name) {
            return &node;
        }
    }
    return nullptr;
}

enum Use { never, perhaps, well };

Use use_of(zone::Zone &zone, std::string_view name) {
    auto known = zone.nodes().find(name);
    if (!known) {
        return well;
    }
    if (known->drained) {
        return never;
    }
    return known->state == zone::NodeState::down ? perhaps : well;
}

} // namespace

std::string_view place(const conf::Config &config, zone::Zone &zone,
                       const Decision &decision, model::Action action) {
    const conf::SrsNode *there = node_of(config, decision.node.view());
    if (action == model::Action::play) {
        return there != nullptr && !decision.publisher.empty()
                   ? std::string_view(there->name)
                   : std::string_view();
    }
    if (there != nullptr && use_of(zone, there->name) == well) {
        return there->name;
    }
    const conf::SrsNode *best = nullptr;
    Use best_use = never;
    uint64_t most = 0;
    for (const conf::SrsNode &node : config.srs_nodes) {
        Use use = use_of(zone, node.name);
        uint64_t w = weight(decision.stream.id.view(), node.name);
        if (use > best_use || (use == best_use && use != never && w > most)) {
            best = &node;
            best_use = use;
            most = w;
        }
    }
    return best != nullptr ? std::string_view(best->name) : std::string_view();
}

} // namespace ks::gate
