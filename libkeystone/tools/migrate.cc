#include "store/migrate.h"
#include "args.h"
#include "commands.h"

#include <cstdio>

namespace ks::ctl {

namespace {

std::string when(const store::MigrationState &m) {
    return m.applied_at == 0 ? "pending" : "applied " + rfc3339(m.applied_at);
}

} // namespace

int migrate(Session &session, const Words &words) {
    auto args = Args::parse(words, {"status!", "dry-run!"});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    bool looks = args->flag("status") || args->flag("dry-run");
    session.set_timeout(kHour); // a large table, or another who migrates it
    auto opened = session.open(!looks);
    if (!opened) {
        return fail(opened.error());
    }
    sql::Database &db = session.store().database();
    Lines lines;
    if (looks) {
        auto status = session.run(store::migration_status(db));
        if (!status) {
            return session.not_open(status.error());
        }
        for (const auto &m : *status) {
            if (args->flag("status") || m.applied_at == 0) {
                lines.emplace_back(m.name, when(m));
            }
        }
    } else {
        auto done = session.run(store::migrate(db));
        if (!done) {
            return session.not_open(done.error());
        }
        for (const auto &m : *done) {
            lines.emplace_back(m.name, "applied");
        }
    }
    if (lines.empty()) {
        std::puts("The database is up to date.");
    }
    print(lines);
    return kDone;
}

} // namespace ks::ctl
