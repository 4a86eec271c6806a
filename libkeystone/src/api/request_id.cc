#include "api/request_id.h"

#include <array>
#include <cstring>
#include <string_view>

namespace ks::api {

namespace {

// splitmix64: one to one, so that no two counts give the same.
uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

char *put_hex(char *to, uint64_t value, int digits) {
    for (int i = digits - 1; i >= 0; i--) {
        *to++ = "0123456789abcdef"[(value >> (4 * i)) & 15];
    }
    return to;
}

} // namespace

RequestIds::RequestIds(Entropy &entropy) {
    std::array<uint8_t, 12> seed;
    entropy.fill(seed);
    std::memcpy(&worker_, seed.data(), 4);
    std::memcpy(&counter_, seed.data() + 4, 8);
}

Fixed<64> RequestIds::next() {
    char text[24];
    char *at = put_hex(text, worker_, 8);
    put_hex(at, mix(++counter_), 16);
    return Fixed<64>(std::string_view(text, sizeof(text)));
}

} // namespace ks::api
