#include "sql/postgres.h"
#include "sql/sqlite.h"

namespace ks::sql {

namespace {

constexpr std::string_view kSqlite = "sqlite:";

Result<std::string> file_of(std::string_view url) {
    std::string_view path = url.substr(kSqlite.size());
    if (path.starts_with("//")) {
        path.remove_prefix(2); // sqlite:///var/lib/x is /var/lib/x
    }
    if (path.empty() || path.find('\0') != std::string_view::npos ||
        path.starts_with(':')) {
        return Error(Code::invalid_request,
                     "the store's URL names no file: write "
                     "sqlite:/var/lib/keystone/keystone.db");
    }
    return std::string(path);
}

Error unknown() {
    return Error(Code::invalid_request,
                 "the store's URL is none that is known: write "
                 "sqlite:/var/lib/keystone/keystone.db or "
                 "postgresql://USER:PASSWORD@HOST/DATABASE");
}

} // namespace

Result<std::unique_ptr<Database>> open(std::string_view url,
                                       const Options &options) {
    if (url.starts_with(kSqlite)) {
        auto file = file_of(url);
        if (!file) {
            return std::move(file.error());
        }
        return std::unique_ptr<Database>(
            std::make_unique<Sqlite>(std::move(*file)));
    }
    if (PostgresUrl::claims(url)) {
        auto parsed = PostgresUrl::parse(url);
        if (!parsed) {
            return std::move(parsed.error());
        }
        return std::unique_ptr<Database>(
            std::make_unique<Postgres>(std::move(*parsed), options));
    }
    return unknown();
}

Result<void> check(std::string_view url) {
    auto made = open(url);
    if (!made) {
        return std::move(made.error());
    }
    if (!url.starts_with(kSqlite)) {
        auto parsed = PostgresUrl::parse(url);
        return parsed ? parsed->check_files() : std::move(parsed.error());
    }
    return {};
}

std::string shown(std::string_view url) {
    if (url.starts_with(kSqlite)) {
        return std::string(url);
    }
    auto parsed = PostgresUrl::parse(url);
    return parsed ? parsed->shown() : "a database";
}

} // namespace ks::sql
