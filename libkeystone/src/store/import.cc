#include "store/import.h"

#include "store/migrate.h"

#include <algorithm>
#include <deque>

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

constexpr int64_t kPage = 500;

// The first column is the key.  In an order in which what is referred to is
// there already.
struct Table {
    std::string_view name;
    std::string_view columns;
};

constexpr Table kTables[] = {
    {"users", "id email name role password_hash created_at updated_at"},
    {"firsts", "name subject"},
    {"logins", "id user_id ip user_agent created_at last_used_at expires_at"
               " revoked_at"},
    {"refresh_tokens", "hash login_id created_at expires_at used_at"},
    {"streams", "id owner_id title description visibility enabled max_viewers"
                " reconnect_window_seconds takeover allowed_origins metadata"
                " key_prefix key_rotated_at last_active_at created_at"
                " updated_at version"},
    {"tokens", "id stream_id hash kind stream_key label viewer_ref max_uses"
               " uses allowed_ips allowed_origins created_by created_at"
               " expires_at revoked_at"},
    {"sessions", "id stream_id token_id user_id kind protocol state end_reason"
                 " client_ip user_agent viewer_ref node started_at seen_at"
                 " active_at ended_at bytes_in bytes_out srs_client"
                 " srs_service host held resource"},
    {"nodes", "name drained_at updated_at"},
};

constexpr std::string_view kLeft[] = {
    "schema_migrations", "feeds", "idempotency", "hosts", "live",
    "audience",          "bans",  "changes"};

// An import that has begun and not ended: which source it is from.
const Statement kMark = {
    "", "INSERT INTO firsts (name, subject) VALUES ('import', $1)",
    Access::write};
const Statement kMarked = {
    "", "SELECT subject FROM firsts WHERE name = 'import'", Access::write};
const Statement kUnmark = {"", "DELETE FROM firsts WHERE name = 'import'",
                           Access::write};
const Statement kFirstUser = {
    "", "SELECT id FROM users ORDER BY created_at, id LIMIT 1", Access::read};

std::vector<std::string_view> split(std::string_view words) {
    std::vector<std::string_view> out;
    while (!words.empty()) {
        size_t end = std::min(words.find(' '), words.size());
        out.push_back(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return out;
}

// SQL of one table, made once.
struct Mover {
    explicit Mover(const Table &t) : table(t), columns(split(t.columns)) {
        std::string names, holes;
        for (size_t i = 0; i < columns.size(); i++) {
            names.append(i == 0 ? "" : ", ").append(columns[i]);
            holes.append(i == 0 ? "$" : ", $").append(std::to_string(i + 1));
        }
        std::string key(columns[0]);
        texts.push_back("SELECT " + names + " FROM " + std::string(t.name) +
                        " WHERE " + key + " > $1 ORDER BY " + key + " LIMIT " +
                        std::to_string(kPage));
        texts.push_back("INSERT INTO " + std::string(t.name) + " (" + names +
                        ") VALUES (" + holes + ") ON CONFLICT (" + key +
                        ") DO NOTHING");
        name = "import_" + std::string(t.name);
        read = {"", texts[0], Access::read};
        write = {name, texts[1], Access::write};
    }
    // The statements view the texts.
    Mover(const Mover &) = delete;
    Mover &operator=(const Mover &) = delete;

    const Table &table;
    std::vector<std::string_view> columns;
    std::deque<std::string> texts;
    std::string name;
    Statement read{};
    Statement write{};
};

// Statements outlive every job that has them.
std::deque<Mover> &movers() {
    static std::deque<Mover> all;
    if (all.empty()) {
        for (const Table &t : kTables) {
            all.emplace_back(t);
        }
    }
    return all;
}

rt::Task<Result<void>> check_schema(sql::Database &db, const char *which) {
    auto status = co_await migration_status(db);
    if (!status) {
        if (status.error().code == Code::conflict) { // of a newer release
            status.error().code = Code::store_unavailable;
        }
        co_return std::move(status.error());
    }
    for (const MigrationState &m : *status) {
        if (m.applied_at == 0) {
            co_return Error(Code::store_unavailable,
                            std::string("the ") + which +
                                " has not the schema of this release: run "
                                "keystonectl --store URL migrate on it first");
        }
    }
    co_return Result<void>();
}

// The mark of an import from this source; else the target has to be empty.
rt::Task<Result<void>> begin(sql::Database &to, std::string source) {
    sql::Batch batch;
    batch.emplace_back(kMarked, sql::Params());
    batch.emplace_back(kFirstUser, sql::Params());
    auto there = co_await to.batch(std::move(batch));
    if (!there) {
        co_return std::move(there.error());
    }
    const sql::Rows &mark = there->rows[0];
    if (!mark.empty() && mark[0].text(0) == source) {
        co_return Result<void>();
    }
    if (!mark.empty()) {
        co_return Error(Code::conflict,
                        "the target has half an import of another database: "
                        "make it anew, or go on with that one");
    }
    if (!there->rows[1].empty()) {
        co_return Error(Code::conflict,
                        "the target has accounts already: import goes into a "
                        "database that was migrated and not used");
    }
    sql::Params params = sql::params(source);
    auto marked = co_await to.query(kMark, std::move(params));
    if (!marked) {
        co_return std::move(marked.error());
    }
    co_return Result<void>();
}

sql::Batch inserts(const Mover &mover, const sql::Rows &rows) {
    sql::Batch batch;
    batch.reserve(rows.size());
    for (size_t i = 0; i < rows.size(); i++) {
        sql::Params values;
        values.reserve(mover.columns.size());
        for (size_t c = 0; c < mover.columns.size(); c++) {
            // No host of before is there: the first that starts has them.
            bool of_host = mover.columns[c] == "host";
            values.push_back(of_host ? sql::Value("") : rows[i].value(c));
        }
        batch.emplace_back(mover.write, std::move(values));
    }
    return batch;
}

} // namespace

rt::Task<Result<std::vector<Imported>>>
import(sql::Database &from, sql::Database &to,
       std::function<void(const Imported &)> told) {
    auto sound = co_await check_schema(from, "source");
    if (!sound) {
        co_return std::move(sound.error());
    }
    sound = co_await check_schema(to, "target");
    if (!sound) {
        co_return std::move(sound.error());
    }
    sql::Params none;
    auto first = co_await from.query(kFirstUser, std::move(none));
    if (!first) {
        co_return std::move(first.error());
    }
    if (first->empty()) {
        co_return Error(Code::conflict,
                        "the source has no accounts: there is nothing to "
                        "import");
    }
    std::string source = (*first)[0].str(0);
    sound = co_await begin(to, source);
    if (!sound) {
        co_return std::move(sound.error());
    }

    std::vector<Imported> done;
    for (const Mover &mover : movers()) {
        Imported so_far{mover.table.name, 0};
        std::string after;
        for (;;) {
            sql::Params params = sql::params(after);
            auto page = co_await from.query(mover.read, std::move(params));
            if (!page) {
                co_return std::move(page.error());
            }
            if (page->empty()) {
                break;
            }
            sql::Batch batch = inserts(mover, *page);
            auto written = co_await to.batch(std::move(batch));
            if (!written) {
                co_return std::move(written.error());
            }
            after = (*page)[page->size() - 1].str(0);
            so_far.rows += static_cast<int64_t>(page->size());
            told(so_far);
        }
        done.push_back(so_far);
    }
    sql::Params nothing;
    auto ended = co_await to.query(kUnmark, std::move(nothing));
    if (!ended) {
        co_return std::move(ended.error());
    }
    co_return done;
}

std::vector<std::string_view> tables_moved() {
    std::vector<std::string_view> out;
    for (const Table &t : kTables) {
        out.push_back(t.name);
    }
    return out;
}

std::vector<std::string_view> tables_left() {
    return {std::begin(kLeft), std::end(kLeft)};
}

std::vector<std::string_view> columns_moved(std::string_view table) {
    for (const Table &t : kTables) {
        if (t.name == table) {
            return split(t.columns);
        }
    }
    return {};
}

} // namespace ks::store
