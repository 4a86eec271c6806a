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

} // namespace

std::string_view place(const conf::Config &config, const Decision &decision,
                       model::Action action) {
    if (!decision.publisher.empty() && !decision.verdict.replaces) {
        for (const conf::SrsNode &node : config.srs_nodes) {
            if (decision.node == node.name) {
                return node.name;
            }
        }
        if (action == model::Action::play) {
            return {};
        }
    }
    const conf::SrsNode *best = nullptr;
    uint64_t most = 0;
    for (const conf::SrsNode &node : config.srs_nodes) {
        uint64_t w = weight(decision.stream.id.view(), node.name);
        if (best == nullptr || w > most) {
            best = &node;
            most = w;
        }
    }
    return best != nullptr ? std::string_view(best->name) : std::string_view();
}

} // namespace ks::gate
