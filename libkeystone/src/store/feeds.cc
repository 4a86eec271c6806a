#include "store/feeds.h"

#include "store/purge.h"

namespace ks::store {

namespace {

using sql::Access;
using sql::Statement;

const Statement kAdd = {"feeds_add",
                        "INSERT INTO feeds (id, session_id, kinds, made_at)"
                        " VALUES ($1, $2, $3, $4)",
                        Access::write};

const Statement kById = {"feeds_by_id",
                         "SELECT id, session_id, kinds FROM feeds"
                         " WHERE id = $1",
                         Access::read};

const Statement kRemove = {"feeds_remove", "DELETE FROM feeds WHERE id = $1",
                           Access::write};

const Statement kPurge = {"feeds_purge",
                          "DELETE FROM feeds WHERE id IN"
                          " (SELECT id FROM feeds WHERE made_at < $1"
                          " LIMIT " KS_PURGE_ROWS ")",
                          Access::write};

} // namespace

rt::Task<Result<void>> Feeds::add(FeedRow feed) {
    sql::Params params = sql::params(feed.id, feed.session, feed.kinds,
                                     rt::Loop::current().wall());
    auto rows = co_await db_.query(kAdd, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<FeedRow>> Feeds::by_id(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kById, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    if (rows->empty()) {
        co_return Error(Code::not_found, "No such stream of events.");
    }
    sql::Row row = (*rows)[0];
    FeedRow feed;
    feed.id = row.id(0);
    feed.session = row.id(1);
    feed.kinds = static_cast<uint8_t>(row.number(2));
    co_return feed;
}

rt::Task<Result<void>> Feeds::remove(Id id) {
    sql::Params params = sql::params(id);
    auto rows = co_await db_.query(kRemove, std::move(params));
    if (!rows) {
        co_return std::move(rows.error());
    }
    co_return Result<void>();
}

rt::Task<Result<int64_t>> Feeds::purge(WallMs made_before) {
    sql::Params params = sql::params(made_before);
    auto done = co_await purge_all(db_, kPurge, std::move(params));
    co_return done;
}

} // namespace ks::store
