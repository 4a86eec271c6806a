// What a worker remembers by itself: pages, rows, request ids.
#include "api/page_cache.h"
#include "api/request_id.h"
#include "api/row_cache.h"
#include "codec/http.h"

#include "../store/support.h"
#include "../support/fake_host.h"
#include "../support/test.h"

#include <set>

using namespace ks;
using namespace ks::api;
using ks::test::ZoneMemory;

namespace {

void a_page_lasts_a_second_and_no_change(void **) {
    ZoneMemory memory;
    zone::Zone &zone = memory.zone();
    PageCache pages(zone);
    pages.put(pages.ticket(), "mine", "[1]", 1000);
    assert_text(*pages.find("mine", 1999), "[1]");
    assert_null(pages.find("mine", 2000));
    assert_null(pages.find("yours", 1000));
    zone.invalidate_stream(Id("str_1"));
    assert_null(pages.find("mine", 1000));

    // Asked before a change, answered after it: not kept.
    uint64_t ticket = pages.ticket();
    zone.invalidate_stream(Id("str_1"));
    pages.put(ticket, "mine", "[old]", 1000);
    assert_null(pages.find("mine", 1000));

    std::string big(PageCache::kMaxBody + 1, 'x');
    pages.put(pages.ticket(), "mine", big, 1000);
    assert_null(pages.find("mine", 1000));
}

model::Stream stream() {
    model::Stream s;
    s.id.assign("str_1");
    s.owner_id.assign("usr_1");
    s.version = 7;
    return s;
}

void a_row_is_of_one_host_and_no_change(void **) {
    ZoneMemory memory;
    zone::Zone &zone = memory.zone();
    RowCache rows(zone);
    Id id("str_1");
    LivePart part{3, 5};
    rows.put(rows.ticket(), stream(), "http", "a.test", "abcdefg", part, 1000);
    const RowCache::Row *row = rows.find(id, "http", "a.test", 1000);
    assert_non_null(row);
    assert_text(row->idle, "abcdefg");
    assert_text(row->owner_id.view(), "usr_1");
    assert_true(row->etag.starts_with("\"v7-"));
    assert_int_equal(row->live.to, 5);
    assert_null(rows.find(id, "https", "a.test", 1000));
    assert_null(rows.find(id, "http", "b.test", 1000));
    assert_null(rows.find(Id("str_2"), "http", "a.test", 1000));
    assert_null(rows.find(id, "http", "a.test", 1000 + RowCache::kFresh));
    zone.invalidate_stream(Id("str_9"));
    assert_null(rows.find(id, "http", "a.test", 1000));
}

void request_ids_do_not_come_twice(void **) {
    ks::test::CountingEntropy entropy;
    RequestIds one(entropy);
    RequestIds two(entropy);
    std::set<std::string> seen;
    for (int i = 0; i < 10000; i++) {
        for (RequestIds *ids : {&one, &two}) {
            std::string id = ids->next().str();
            assert_true(codec::is_request_id(id));
            assert_true(seen.insert(id).second);
        }
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_page_lasts_a_second_and_no_change),
        cmocka_unit_test(a_row_is_of_one_host_and_no_change),
        cmocka_unit_test(request_ids_do_not_come_twice),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
