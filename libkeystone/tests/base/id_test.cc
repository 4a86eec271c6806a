#include "base/bytes.h"
#include "base/id.h"

#include "../support/test.h"

#include <set>
#include <type_traits>

using namespace ks;

static_assert(std::is_trivially_copyable_v<Id>);
static_assert(sizeof(Id) == 32);

namespace {

class Steps : public Entropy {
  public:
    void fill(std::span<uint8_t> out) override {
        for (uint8_t &b : out) {
            state_ = state_ * 1664525 + 1013904223;
            b = static_cast<uint8_t>(state_ >> 24);
        }
    }

  private:
    uint32_t state_ = 1;
};

void an_id_tells_what_it_is(void **) {
    Steps entropy;
    Id id = make_id(prefix::kStream, entropy);
    assert_int_equal(id.view().size(), 26);
    assert_true(is_id(prefix::kStream, id.view()));
    assert_false(is_id(prefix::kUser, id.view()));
    assert_true(is_base62(id.view().substr(4)));
}

void ids_differ(void **) {
    Steps entropy;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; i++) {
        assert_true(seen.insert(make_id(prefix::kUser, entropy).str()).second);
    }
}

void what_is_no_id(void **) {
    for (const char *bad :
         {"", "str_", "str_000000000000000000000",
          "str_00000000000000000000000", "str_000000000000000000000-",
          "STR_0000000000000000000000", "0000000000000000000000",
          "usr_0000000000000000000000"}) {
        assert_row(bad, !is_id(prefix::kStream, bad));
    }
    assert_true(is_id(prefix::kStream, "str_0000000000000000000000"));
}

void tokens_are_long_enough_and_fit(void **) {
    Steps entropy;
    std::set<std::string> seen;
    for (std::string_view kind : {"ks_pub_", "ks_play_"}) {
        for (int i = 0; i < 500; i++) {
            std::string token = make_token(kind, entropy);
            assert_true(token.starts_with(kind));
            assert_int_equal(token.size(), kind.size() + 40);
            assert_true(token.size() <= 48);
            assert_true(is_base62(std::string_view(token).substr(kind.size())));
            assert_true(seen.insert(token).second);
        }
    }
}

void fixed_holds_what_fits(void **) {
    Fixed<4> f("abcd");
    assert_text(f.view(), "abcd");
    assert_true(Fixed<4>::fits("abcd"));
    assert_false(Fixed<4>::fits("abcde"));
    f.assign("abcdef");
    assert_text(f.view(), "abcd");
    f.assign("x");
    assert_text(f.view(), "x");
    assert_true(f == "x");
    assert_true(f == Fixed<4>("x"));
    assert_false(f == "xb"); // what was there before does not shine through
    assert_false(f == Fixed<4>());
    assert_true(Fixed<4>().empty());
    assert_text(Fixed<4>(std::string_view("a\0b", 3)).view(),
                std::string_view("a\0b", 3));
}

// In shared memory another process may have died in the middle of a write.
void a_damaged_length_stays_inside(void **) {
    Fixed<4> f("abcd");
    std::memset(static_cast<void *>(&f), 0xff, 1);
    assert_int_equal(f.view().size(), 4);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_id_tells_what_it_is),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(what_is_no_id),
        cmocka_unit_test(tokens_are_long_enough_and_fit),
        cmocka_unit_test(fixed_holds_what_fits),
        cmocka_unit_test(a_damaged_length_stays_inside),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
