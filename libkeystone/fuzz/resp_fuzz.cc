// What a Redis that is none may say: however it is cut, the same comes out, and
// nothing is larger than it may be.
#include "codec/resp.h"

#include "fuzz.h"

using namespace ks;
using namespace ks::codec;

namespace {

size_t read(std::string_view text, size_t step, std::string &trouble) {
    RespReader reader;
    size_t count = 0;
    for (size_t at = 0; at < text.size(); at += step) {
        reader.feed(text.substr(at, step));
        while (auto reply = reader.next()) {
            fuzz::must(reply->items.size() <= RespReader::kMaxItems);
            count++;
        }
    }
    trouble = reader.trouble();
    return count;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view text = fuzz::text(data, size);
    std::string whole, pieces;
    fuzz::must(read(text, 1 << 16, whole) == read(text, 1, pieces));
    fuzz::must(whole.empty() == pieces.empty());
    return 0;
}
