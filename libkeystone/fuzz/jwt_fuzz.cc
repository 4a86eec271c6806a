// Both sides of the signature: any text as a token, and any claims with a
// signature that holds, so that the reader of the claims is reached.
#include "codec/jwt.h"

#include "base/bytes.h"
#include "fuzz.h"

using namespace ks;
using namespace ks::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
    constexpr WallMs kNow = 1'700'000'000'000;
    static const JwtSigner signer{Secret(kSecret), Secret()};
    static const HmacKey key(kSecret);

    std::string_view text = fuzz::text(data, size);
    fuzz::must(!signer.verify(text, kNow).ok());

    std::string token = base64url_encode(
        as_bytes(std::string_view(R"({"alg":"HS256","typ":"at+jwt"})")));
    token += '.';
    token += base64url_encode(as_bytes(text));
    std::string signature = base64url_encode(key.sign(token));
    token += '.';
    token += signature;
    auto claims = signer.verify(token, kNow);
    if (claims.ok()) {
        fuzz::must(!claims->subject.empty());
        fuzz::must(claims->expires_at > kNow);
    }
    return 0;
}
