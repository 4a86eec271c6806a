// Who asks after a write gets what was written, also while a look-up from
// before the write is still under way.
#include "support.h"

#include "store/cache.h"
#include "store/streams.h"
#include "store/tokens.h"

using namespace ks;
using namespace ks::test;

namespace {

// The answers to the first reads stay here until they are let go.
class SlowDatabase : public sql::Database {
  public:
    explicit SlowDatabase(sql::Database &db) : db_(db) {}

    rt::Task<Result<sql::Rows>> query(const sql::Statement &statement,
                                      sql::Params params) override {
        bool slow = hold && statement.access == sql::Access::read;
        auto rows = co_await db_.query(statement, std::move(params));
        held += slow;
        while (slow && hold) {
            co_await rt::sleep_for(1);
        }
        co_return rows;
    }
    rt::Task<Result<sql::Outcome>> batch(sql::Batch batch) override {
        auto outcome = co_await db_.batch(std::move(batch));
        co_return outcome;
    }
    const sql::Health &health() const override { return db_.health(); }
    const sql::Engine &engine() const override { return db_.engine(); }

    bool hold = false;
    int held = 0;

  private:
    sql::Database &db_;
};

// A worker whose reads are slow, beside that of the world.
struct SlowWorld : StoreWorld {
    SlowDatabase slow{store->database()};
    store::Cache cache{memory.zone()};
    store::Streams streams{slow, cache};
    store::Tokens tokens{slow, cache};
    Id stream_id = stream(user("a@example.org").id).stream.id;

    ~SlowWorld() { loop.cancel_spawned(); }

    // Starts it, and lets it read.
    template <class T> void start_slowly(rt::Task<T> &task) {
        slow.hold = true;
        slow.held = 0;
        task.start();
        until([&] { return slow.held == 1; });
    }
};

void a_stream_that_was_disabled_here_is_disabled(void **) {
    SlowWorld w;
    auto before = w.streams.facts(w.stream_id);
    w.start_slowly(before);
    auto done = w.run(w.streams.set_enabled(w.stream_id, false));
    assert_true(done.ok());
    auto after = w.streams.facts(w.stream_id);
    after.start();
    w.slow.hold = false;
    w.until([&] { return before.done() && after.done(); });
    assert_false(after.take()->enabled);
    auto later = w.run(w.streams.facts(w.stream_id));
    assert_false(later->enabled);
}

void a_stream_that_another_worker_changed_is_changed(void **) {
    SlowWorld w;
    auto before = w.streams.get(w.stream_id);
    w.start_slowly(before);
    store::StreamPatch patch;
    patch.title = "New";
    auto done = w.run(w.store->streams().patch(w.stream_id, patch));
    assert_true(done.ok());
    auto after = w.streams.get(w.stream_id);
    after.start();
    w.slow.hold = false;
    w.until([&] { return before.done() && after.done(); });
    assert_text(after.take()->title, "New");
}

void a_touch_is_seen_by_who_asks_then(void **) {
    SlowWorld w;
    auto before = w.streams.get(w.stream_id);
    w.start_slowly(before);
    auto done = w.run(w.store->streams().touch(w.stream_id, 4711));
    assert_true(done.ok());
    auto after = w.streams.get(w.stream_id);
    after.start();
    w.slow.hold = false;
    w.until([&] { return before.done() && after.done(); });
    assert_int_equal(after.take()->last_active_at, 4711);
}

void a_token_that_another_worker_revoked_is_revoked(void **) {
    SlowWorld w;
    auto made = w.token(w.stream_id);
    auto before = w.tokens.facts(made.token.hash);
    w.start_slowly(before);
    auto done = w.run(w.store->tokens().revoke(made.token.id));
    assert_true(done.ok());
    auto after = w.tokens.facts(made.token.hash);
    after.start();
    w.slow.hold = false;
    w.until([&] { return before.done() && after.done(); });
    assert_int_equal(before.take()->revoked_at, 0);
    assert_true(after.take()->revoked_at != 0);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_was_disabled_here_is_disabled),
        cmocka_unit_test(a_stream_that_another_worker_changed_is_changed),
        cmocka_unit_test(a_touch_is_seen_by_who_asks_then),
        cmocka_unit_test(a_token_that_another_worker_revoked_is_revoked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
