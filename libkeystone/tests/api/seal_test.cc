#include "api/seal.h"

#include "../support/fake_host.h"
#include "../support/test.h"

using namespace ks;
using namespace ks::api;

namespace {

constexpr std::string_view kText = "{\"stream_key\":\"ks_pub_x\"}";

void it_opens_with_its_key_only(void **) {
    ks::test::CountingEntropy entropy;
    Sha256 key = sha256("one");
    std::string sealed = seal(key, kText, entropy);
    assert_true(sealed.find("ks_pub_") == std::string::npos);
    assert_text(unseal(key, sealed).value(), kText);
    assert_false(unseal(sha256("two"), sealed).has_value());
    assert_text(unseal(key, seal(key, "", entropy)).value(), "");
    assert_true(seal(key, kText, entropy) != sealed); // another nonce
}

void a_change_on_the_way_is_seen(void **) {
    ks::test::CountingEntropy entropy;
    Sha256 key = sha256("one");
    std::string sealed = seal(key, kText, entropy);
    for (size_t i = 0; i < sealed.size(); i++) {
        std::string changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(unseal(key, changed).has_value());
    }
    assert_false(unseal(key, "").has_value());
    assert_false(unseal(key, sealed.substr(0, 20)).has_value());
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_with_its_key_only),
        cmocka_unit_test(a_change_on_the_way_is_seen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
