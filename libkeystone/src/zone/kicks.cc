#include "zone/kicks.h"

namespace ks::zone {

namespace {

// An entry counts once head_ is past it: nothing to repair.
void nothing() {}

} // namespace

void Kicks::init() {
    mutex_.init();
    head_.store(0, std::memory_order_relaxed);
}

void Kicks::push(const Id &session, model::EndReason reason) {
    Guard guard(mutex_, nothing);
    uint64_t seq = head_.load(std::memory_order_relaxed);
    ring_[seq % kLength] = Kick{seq, session, reason};
    head_.store(seq + 1, std::memory_order_release);
}

Kicks::Read Kicks::read(uint64_t *cursor, std::span<Kick> out) {
    Read result;
    if (head() == *cursor) {
        return result;
    }
    Guard guard(mutex_, nothing);
    uint64_t end = head_.load(std::memory_order_relaxed);
    if (*cursor > end || end - *cursor > kLength) {
        *cursor = end;
        result.overflow = true;
        return result;
    }
    while (*cursor < end && result.count < out.size()) {
        out[result.count++] = ring_[*cursor % kLength];
        (*cursor)++;
    }
    return result;
}

} // namespace ks::zone
