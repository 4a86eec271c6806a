// However much there is to forget, it goes in statements of a bounded size.
#include "support.h"

#include "store/cache.h"
#include "store/changes.h"

#include <algorithm>
#include <vector>

using namespace ks;
using namespace ks::test;

namespace {

// Tells how much each write changed.
class WatchedDatabase : public sql::Database {
  public:
    explicit WatchedDatabase(sql::Database &db) : db_(db) {}

    rt::Task<Result<sql::Rows>> query(const sql::Statement &statement,
                                      sql::Params params) override {
        auto rows = co_await db_.query(statement, std::move(params));
        if (rows && statement.access == sql::Access::write) {
            changed.push_back(rows->changed());
        }
        co_return rows;
    }
    rt::Task<Result<sql::Outcome>> batch(sql::Batch batch) override {
        auto outcome = co_await db_.batch(std::move(batch));
        co_return outcome;
    }
    const sql::Health &health() const override { return db_.health(); }
    const sql::Engine &engine() const override { return db_.engine(); }

    int64_t most() const {
        return changed.empty()
                   ? 0
                   : *std::max_element(changed.begin(), changed.end());
    }

    std::vector<int64_t> changed;

  private:
    sql::Database &db_;
};

constexpr int64_t kRows = 2500;

// Numbers 1 to kRows, for INSERT ... SELECT.
#define KS_NUMBERS                                                             \
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"          \
    " WHERE i < 2500) "

struct PurgeWorld : StoreWorld {
    WatchedDatabase db{store->database()};
    Id owner = user("a@example.org").id;
    Id stream_id = stream(owner).stream.id;

    // A statement with $1: an id that it needs.
    void fill(const char *text, const Id &id) {
        sql::Statement statement = {"", text, sql::Access::write};
        auto rows = run(store->database().query(statement, sql::params(id)));
        assert_true(rows.ok());
        assert_int_equal(rows->changed(), kRows);
    }
    void check(const Result<int64_t> &done, int64_t rows = kRows) const {
        assert_true(done.ok());
        assert_int_equal(*done, rows);
        assert_true(db.changed.size() >= 3);
        assert_true(db.most() <= 1000);
    }
};

void sessions_go_a_few_at_a_time(void **) {
    PurgeWorld w;
    w.fill(KS_NUMBERS
           "INSERT INTO sessions (id, stream_id, token_id, user_id, kind,"
           " protocol, state, end_reason, client_ip, user_agent, viewer_ref,"
           " node, started_at, seen_at, active_at, ended_at, bytes_in,"
           " bytes_out) SELECT 'ses_' || i, $1, '', '', 'play', 'hls', 'live',"
           " '', '', '', '', '', 1, i % 2, 0, 0, 0, 0 FROM n",
           w.stream_id);
    store::Sessions sessions(w.db);
    auto closed = w.run(sessions.close_lost(2));
    w.check(closed);
    w.db.changed.clear();
    auto purged = w.run(sessions.purge(2));
    w.check(purged);
}

void tokens_go_a_few_at_a_time(void **) {
    PurgeWorld w;
    w.fill(KS_NUMBERS
           "INSERT INTO tokens (id, stream_id, hash, kind, stream_key, label,"
           " viewer_ref, max_uses, uses, allowed_ips, allowed_origins,"
           " created_by, created_at, expires_at, revoked_at)"
           " SELECT 'tok_' || i, $1, 'h' || i, 'play', 0, '', '', 0, 0, '', '',"
           " '', 1, i % 2, 1 - i % 2 FROM n",
           w.stream_id);
    store::Cache cache(w.memory.zone());
    store::Tokens tokens(w.db, cache);
    auto purged = w.run(tokens.purge(2));
    w.check(purged);
}

void logins_go_a_few_at_a_time(void **) {
    PurgeWorld w;
    w.fill(KS_NUMBERS
           "INSERT INTO logins (id, user_id, ip, user_agent, created_at,"
           " last_used_at, expires_at, revoked_at)"
           " SELECT 'lgn_' || i, $1, '', '', 1, 1, 1, 0 FROM n",
           w.owner);
    store::Logins logins(w.db);
    auto purged = w.run(logins.purge(2));
    w.check(purged);
}

void answers_go_a_few_at_a_time(void **) {
    PurgeWorld w;
    w.fill(KS_NUMBERS
           "INSERT INTO idempotency (owner, key, request, status, answer,"
           " expires_at) SELECT $1, i, '', 201, '', 1 FROM n",
           w.owner);
    store::Idempotency answers(w.db);
    auto purged = w.run(answers.purge());
    w.check(purged);
}

void changes_go_a_few_at_a_time(void **) {
    PurgeWorld w;
    w.fill(KS_NUMBERS
           "INSERT INTO changes (id, at, kind, stream_id, token_id, token_hash)"
           " SELECT 'chg_' || i, 1, 'stream_changed', $1, '', '' FROM n",
           w.stream_id);
    store::Cache cache(w.memory.zone());
    store::Changes changes(w.db, cache);
    auto purged = w.run(changes.purge());
    w.check(purged);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sessions_go_a_few_at_a_time),
        cmocka_unit_test(tokens_go_a_few_at_a_time),
        cmocka_unit_test(logins_go_a_few_at_a_time),
        cmocka_unit_test(answers_go_a_few_at_a_time),
        cmocka_unit_test(changes_go_a_few_at_a_time),
    };
    return on_both(tests);
}
