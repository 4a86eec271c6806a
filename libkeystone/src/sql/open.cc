#include "sql/sqlite.h"

namespace ks::sql {

Result<std::unique_ptr<Database>> open(std::string_view url) {
    constexpr std::string_view kSqlite = "sqlite:";
    if (url.starts_with(kSqlite)) {
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
        return std::unique_ptr<Database>(
            std::make_unique<Sqlite>(std::string(path)));
    }
    std::string_view scheme = url.substr(0, url.find(':'));
    if (scheme == "postgres" || scheme == "postgresql") {
        return Error(Code::invalid_request,
                     "this build has no PostgreSQL driver: write "
                     "sqlite:/var/lib/keystone/keystone.db");
    }
    return Error(Code::invalid_request,
                 "the store's URL is none that is known: write "
                 "sqlite:/var/lib/keystone/keystone.db");
}

} // namespace ks::sql
