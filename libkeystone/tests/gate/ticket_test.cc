#include "gate/ticket.h"

#include "../support/test.h"
#include "base/bytes.h"
#include "rt/poll_host.h"

#include <algorithm>

using namespace ks;
using ks::gate::Tickets;

namespace {

std::vector<Secret> secrets(std::initializer_list<const char *> texts) {
    std::vector<Secret> all;
    for (const char *text : texts) {
        all.emplace_back(std::string_view(text));
    }
    return all;
}

Id session() {
    rt::SystemEntropy entropy;
    return make_id(prefix::kSession, entropy);
}

bool has(const std::vector<Id> &ids, const Id &id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

} // namespace

static void a_ticket_stands_for_its_session(void **) {
    Tickets tickets(secrets({"one secret"}));
    for (int i = 0; i < 100; i++) {
        Id id = session();
        std::string ticket = tickets.make(id);
        assert_int_equal(ticket.size(), 22);
        assert_true(ticket.find_first_of("=,;&/+ ") == std::string::npos);
        assert_true(ticket.find(id.view().substr(4)) == std::string::npos);
        auto found = tickets.read(ticket);
        assert_int_equal(found.size(), 1);
        assert_true(found[0] == id);
    }
}

static void another_secret_reads_another_session(void **) {
    Id id = session();
    std::string ticket = Tickets(secrets({"one secret"})).make(id);
    assert_false(has(Tickets(secrets({"another"})).read(ticket), id));
}

static void a_rotated_secret_reads_what_it_made(void **) {
    Id id = session();
    std::string ticket = Tickets(secrets({"old"})).make(id);
    Tickets both(secrets({"new", "old"}));
    assert_true(has(both.read(ticket), id));
    assert_true(both.make(id) != ticket);
}

static void junk_is_no_ticket(void **) {
    Tickets tickets(secrets({"one secret"}));
    assert_true(tickets.read("").empty());
    assert_true(tickets.read("short").empty());
    assert_true(tickets.read(std::string(22, '!')).empty());
    assert_true(tickets.read(std::string(5000, 'A')).empty());
    assert_text(tickets.make(Id("tok_0000000000000000000000")), "");
    assert_text(tickets.make(Id("ses_zzzzzzzzzzzzzzzzzzzzzz")), "");
    assert_text(tickets.make(Id()), "");
    assert_true(Tickets({}).read(std::string(22, 'A')).empty());
}

static void base62_goes_both_ways(void **) {
    rt::SystemEntropy entropy;
    for (int i = 0; i < 1000; i++) {
        std::array<uint8_t, 16> raw;
        entropy.fill(raw);
        auto back = base62_decode(base62_encode(raw));
        assert_true(back.has_value());
        assert_true(*back == raw);
    }
    std::array<uint8_t, 16> most;
    most.fill(0xff);
    std::string text = base62_encode(most);
    assert_true(base62_decode(text).has_value());
    text.back()++; // one more than 128 bits hold
    assert_false(base62_decode(text).has_value());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_stands_for_its_session),
        cmocka_unit_test(another_secret_reads_another_session),
        cmocka_unit_test(a_rotated_secret_reads_what_it_made),
        cmocka_unit_test(junk_is_no_ticket),
        cmocka_unit_test(base62_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
