// keystonectl import FROM TO
#include "store/import.h"
#include "args.h"
#include "commands.h"

#include <cstdio>
#include <filesystem>
#include <unistd.h>

namespace ks::ctl {

namespace {

constexpr const char *kForm =
    "write keystonectl import sqlite:/var/lib/keystone/keystone.db "
    "postgresql://user@host/database, or env:NAME for an address with a "
    "password";

// A missing file must not be made by looking into it.
Result<std::unique_ptr<sql::Database>> open_old(const std::string &url) {
    std::string file = file_of(url);
    std::error_code ignored;
    if (!file.empty() && !std::filesystem::exists(file, ignored)) {
        return Error(Code::store_unavailable, "there is no database " + file);
    }
    return sql::open(url, Session::database_options());
}

int failed(const Error &error, const sql::Database &from,
           const sql::Database &to) {
    if (error.code != Code::store_unavailable) {
        return fail(error);
    }
    const sql::Health &health =
        from.health().usable ? to.health() : from.health();
    return fail(kUnavailable,
                health.trouble.empty() ? error.detail : health.trouble);
}

} // namespace

int import(Session &session, const Words &words) {
    auto args = Args::parse(words, {});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    if (args->words().size() != 2) {
        return fail(kUsage,
                    std::string("import needs two databases: ") + kForm);
    }
    auto from_url = store_named(args->words()[0]);
    if (!from_url) {
        return fail(kUsage, from_url.error().detail);
    }
    auto to_url = store_named(args->words()[1]);
    if (!to_url) {
        return fail(kUsage, to_url.error().detail);
    }
    auto from = open_old(*from_url);
    if (!from) {
        return fail(from.error());
    }
    auto to = open_old(*to_url);
    if (!to) {
        return fail(to.error());
    }
    bool terminal = isatty(STDERR_FILENO) == 1;
    auto done = session.run(
        store::import(**from, **to, [&](const store::Imported &so_far) {
            if (terminal) {
                std::fprintf(stderr, "\r%-16.*s %lld ",
                             static_cast<int>(so_far.table.size()),
                             so_far.table.data(),
                             static_cast<long long>(so_far.rows));
            }
        }));
    if (terminal) {
        std::fputs("\r\033[K", stderr);
    }
    if (!done) {
        return failed(done.error(), **from, **to);
    }
    Lines lines;
    for (const store::Imported &one : *done) {
        lines.emplace_back(one.table, std::to_string(one.rows));
    }
    print(lines);
    std::puts("Imported. Name the new database in \"store\" and start nginx.");
    return kDone;
}

} // namespace ks::ctl
