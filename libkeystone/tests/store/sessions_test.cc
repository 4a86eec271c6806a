#include "support.h"

using namespace ks;
using namespace ks::test;

namespace {

model::Session session(std::string_view id, WallMs seen) {
    model::Session s;
    s.id.assign(id);
    s.stream_id = Id("str_a");
    s.action = model::Action::publish;
    s.protocol = model::Protocol::rtmp;
    s.client_ip.assign("192.0.2.1");
    s.user_agent.assign("FMLE/3.0");
    s.started_at = 100;
    s.seen_at = seen;
    return s;
}

Result<void> write(StoreWorld &w, std::vector<model::Session> rows) {
    return w.run(w.store->sessions().write(std::move(rows)));
}

void a_session_comes_back_and_goes_on(void **) {
    StoreWorld w;
    auto s = session("ses_1", 100);
    assert_code(write(w, {s}), ok);
    s.seen_at = 200;
    s.state = model::SessionState::active;
    s.bytes_in = int64_t{5} << 32;
    assert_code(write(w, {s}), ok);
    auto got = w.run(w.store->sessions().by_id(s.id));
    assert_true(got.ok());
    assert_true(got->state == model::SessionState::active);
    assert_int_equal(got->bytes_in, s.bytes_in);
    assert_text(got->client_ip.view(), "192.0.2.1");
    assert_true(got->protocol == model::Protocol::rtmp);
    assert_true(got->action == model::Action::publish);
}

void an_older_picture_changes_nothing(void **) {
    StoreWorld w;
    auto ended = session("ses_1", 300);
    ended.state = model::SessionState::closed;
    ended.end_reason = model::EndReason::kicked;
    ended.ended_at = 300;
    assert_code(write(w, {ended}), ok);
    auto late = session("ses_1", 200);
    assert_code(write(w, {late}), ok);
    auto later = session("ses_1", 400); // nothing opens it again
    assert_code(write(w, {later}), ok);
    auto got = w.run(w.store->sessions().by_id(ended.id));
    assert_true(got.ok() && got->end_reason == model::EndReason::kicked);
    assert_int_equal(got->ended_at, 300);
}

void lists_filter_by_all_there_is(void **) {
    StoreWorld w;
    Id owner = w.user("a@example.org").id;
    Id mine = w.stream(owner).stream.id;
    std::vector<model::Session> rows;
    for (int i = 0; i < 5; i++) {
        auto s = session("ses_" + std::to_string(i), 100);
        s.started_at = 100 + i / 2;
        if (i == 0) {
            s.stream_id = mine;
        }
        if (i == 1) {
            s.action = model::Action::play;
            s.protocol = model::Protocol::hls;
        }
        rows.push_back(s);
    }
    assert_code(write(w, rows), ok);

    struct Row {
        const char *name;
        store::SessionFilter filter;
        size_t count;
    };
    Row table[] = {
        {"all", {}, 5},
        {"of an owner", {owner, {}, {}, {}, {}}, 1},
        {"of a stream", {{}, Id("str_a"), {}, {}, {}}, 4},
        {"players", {{}, {}, model::Action::play, {}, {}}, 1},
        {"rtmp", {{}, {}, {}, model::Protocol::rtmp, {}}, 4},
        {"closed", {{}, {}, {}, {}, model::SessionState::closed}, 0},
    };
    for (const Row &row : table) {
        auto got = w.run(w.store->sessions().list(row.filter, {}));
        assert_row(row.name, got.ok());
        assert_row(row.name, got->rows.size() == row.count);
    }
    store::PageAsk ask;
    ask.limit = 3;
    auto page = w.run(w.store->sessions().list({}, ask));
    assert_true(page.ok() && page->next);
    assert_text(page->rows[0].id.view(), "ses_4");
    ask.after = *page->next;
    page = w.run(w.store->sessions().list({}, ask));
    assert_true(page.ok() && !page->next);
    assert_text(page->rows.back().id.view(), "ses_0");
}

void what_nobody_saw_is_closed_and_forgotten_later(void **) {
    StoreWorld w;
    assert_code(write(w, {session("ses_1", 100), session("ses_2", 900)}), ok);
    auto closed = w.run(w.store->sessions().close_lost(500));
    assert_true(closed.ok());
    assert_int_equal(*closed, 1);
    auto got = w.run(w.store->sessions().by_id(Id("ses_1")));
    assert_true(got.ok() && got->end_reason == model::EndReason::timeout);
    auto purged = w.run(w.store->sessions().purge(500));
    assert_true(purged.ok());
    assert_int_equal(*purged, 1);
    got = w.run(w.store->sessions().by_id(Id("ses_1")));
    assert_code(got, not_found);
}

// What a machine that died left open is closed by any worker, in the end.
void the_store_closes_what_nobody_sees_any_more(void **) {
    StoreWorld w;
    WallMs now = w.host.wall();
    assert_code(write(w, {session("ses_dead", now - 2 * kHour)}), ok);
    assert_code(write(w, {session("ses_live", now + kDay)}), ok);
    w.store->start();
    auto first = w.run(w.store->sessions().by_id(Id("ses_dead")));
    assert_true(first.ok() && first->ended_at == 0);
    int naps = 0;
    w.until([&] {
        // One round, whenever it is; a statement that is under way meanwhile
        // is late, and then the round does nothing.
        w.host.ahead += naps++ % 20 == 0 ? 20 * kMinute : 0;
        auto got = w.run(w.store->sessions().by_id(Id("ses_dead")));
        return got.ok() && got->ended_at != 0;
    });
    auto dead = w.run(w.store->sessions().by_id(Id("ses_dead")));
    assert_int_equal(dead->ended_at, now - 2 * kHour);
    auto live = w.run(w.store->sessions().by_id(Id("ses_live")));
    assert_true(live.ok() && live->ended_at == 0);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_and_goes_on),
        cmocka_unit_test(an_older_picture_changes_nothing),
        cmocka_unit_test(lists_filter_by_all_there_is),
        cmocka_unit_test(what_nobody_saw_is_closed_and_forgotten_later),
        cmocka_unit_test(the_store_closes_what_nobody_sees_any_more),
    };
    return on_both(tests);
}
