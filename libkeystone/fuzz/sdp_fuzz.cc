#include "codec/sdp.h"

#include "fuzz.h"

using namespace ks;
using namespace ks::codec;

namespace {

void check(const Result<OfferInfo> &offer) {
    if (offer.ok()) {
        fuzz::must(offer->ufrag.size() >= 4 && offer->ufrag.size() <= 256);
        fuzz::must(offer->has_audio || offer->has_video);
        return;
    }
    Code code = offer.error().code;
    fuzz::must(code == Code::invalid_sdp || code == Code::unsupported_sdp);
    fuzz::must(!offer.error().detail.empty());
    fuzz::must(offer.error().detail.size() < 300);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view text = fuzz::text(data, size);
    check(check_whip_offer(text));
    check(check_whep_offer(text));
    auto fragment = check_trickle_fragment(text);
    fuzz::must(fragment.ok() || fragment.error().code == Code::invalid_sdp);
    return 0;
}
