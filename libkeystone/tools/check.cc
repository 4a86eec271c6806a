// keystonectl check: what nginx would say of the keystone block, and whether
// what it names is there.
#include "args.h"
#include "check_redis.h"
#include "check_srs.h"
#include "commands.h"
#include "conf/config.h"
#include "nginx_conf.h"
#include "report.h"
#include "sql/database.h"
#include "store/migrate.h"

#include <algorithm>
#include <filesystem>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ks::ctl {

namespace {

// What concerns nginx alone and is read by the module itself.
bool is_module_directive(const std::string &name) {
    return name == "zone" || name == "threads" || name == "include";
}

struct Found {
    conf::Config config;
    std::string user; // of the workers; empty: as the configuration has it not
    bool block = false;
};

void read_block(const std::vector<Directive> &all, Found &found,
                Report &report) {
    for (const Directive &d : all) {
        if (d.block.empty() && d.words[0] == "keystone") {
            found.block = true;
        }
        if (d.block.empty() && d.words[0] == "user" && d.words.size() > 1) {
            found.user = d.words[1];
        }
        if (d.block != "keystone" || is_module_directive(d.words[0])) {
            continue;
        }
        auto taken = found.config.directive(d.words);
        if (!taken) {
            report.problem("configuration",
                           d.place() + ": " + taken.error().detail);
        }
    }
    if (!found.block) {
        report.problem("configuration",
                       "there is no keystone block: write \"keystone { ... }\" "
                       "beside http, not inside it");
    } else if (report.problems() == 0) {
        auto whole = found.config.finish();
        if (!whole) {
            report.problem("configuration", whole.error().detail);
        } else {
            report.good("configuration", "the keystone block is sound");
        }
    }
}

// May this user do it, by the plain permissions?
bool may(const struct passwd &user, const struct stat &st, int bits) {
    if (user.pw_uid == 0) {
        return true;
    }
    if (st.st_uid == user.pw_uid) {
        return ((st.st_mode >> 6) & static_cast<mode_t>(bits)) ==
               static_cast<mode_t>(bits);
    }
    if (st.st_gid == user.pw_gid) {
        return ((st.st_mode >> 3) & static_cast<mode_t>(bits)) ==
               static_cast<mode_t>(bits);
    }
    return (st.st_mode & static_cast<mode_t>(bits)) ==
           static_cast<mode_t>(bits);
}

// Only root can start nginx as another user.
void check_owner(const std::string &file, const std::string &user,
                 Report &report) {
    struct passwd *worker =
        geteuid() == 0 && !user.empty() ? getpwnam(user.c_str()) : nullptr;
    if (geteuid() == 0 && !user.empty() && worker == nullptr) {
        report.problem("user", "there is no user " + user + " on this system");
    }
    if (worker == nullptr) {
        return;
    }
    std::string dir = std::filesystem::path(file).parent_path().string();
    struct stat st;
    constexpr int kReadWrite = 6;
    constexpr int kAll = 7;
    if (stat(dir.empty() ? "." : dir.c_str(), &st) == 0 &&
        !may(*worker, st, kAll)) {
        report.problem("store", "user " + user + " cannot write in " + dir +
                                    ": chown " + user + " " + dir);
    }
    if (stat(file.c_str(), &st) == 0 && !may(*worker, st, kReadWrite)) {
        report.problem("store", "user " + user + " cannot write " + file +
                                    ": chown " + user + " " + file);
    }
}

void check_schema(const std::string &url, Report &report) {
    Session session(url);
    auto opened = session.open(true);
    if (!opened) {
        report.problem("store", opened.error().detail);
        return;
    }
    sql::Database &db = session.store().database();
    auto status = session.run(store::migration_status(db));
    if (!status) {
        const std::string &trouble = db.health().trouble;
        report.problem("store",
                       trouble.empty() ? status.error().detail : trouble);
        return;
    }
    int pending = 0;
    for (const auto &m : *status) {
        pending += m.applied_at == 0;
    }
    std::string name = sql::shown(url);
    if (pending != 0 && !db.engine().migrates_itself) {
        report.problem("store", name + " has not the schema of this release: "
                                       "run keystonectl migrate");
        return;
    }
    report.good("store",
                name + (pending == 0 ? ", schema up to date"
                                     : ", migrated when nginx starts"));
}

void check_store(const Found &found, Report &report) {
    std::string url(found.config.store_url.reveal());
    std::string file = file_of(url);
    if (file.empty()) {
        check_schema(url, report);
        return;
    }
    std::error_code ignored;
    if (!file.starts_with('/')) {
        report.note("store", "\"" + url +
                                 "\" is relative to the directory that nginx "
                                 "is started in: an absolute path is safer");
    }
    if (std::filesystem::exists(file, ignored)) {
        check_schema(url, report);
    } else {
        std::string dir = std::filesystem::path(file).parent_path().string();
        if (!dir.empty() && !std::filesystem::is_directory(dir, ignored)) {
            report.problem(
                "store",
                "the directory " + dir + " does not exist: install -d -o " +
                    (found.user.empty() ? "www-data" : found.user) + " " + dir);
            return;
        }
        report.good("store", url + ", made when nginx starts");
    }
    check_owner(file, found.user, report);
}

constexpr const char *kDefaultConf = "/etc/nginx/nginx.conf";

struct Wanted {
    std::string conf = kDefaultConf;
    std::string srs;     // empty: none
    bool perhaps = true; // nobody named `conf`, and there is something else
};

Result<Wanted> read_words(const Words &words) {
    auto args = Args::parse(words, {"config", "srs"});
    if (!args) {
        return std::move(args.error());
    }
    auto named = args->value("config");
    if (args->words().size() > (named ? 0 : 1)) {
        return Error(Code::invalid_request,
                     "write keystonectl check -c FILE --srs FILE");
    }
    Wanted wanted;
    wanted.srs = args->value("srs").value_or("");
    wanted.perhaps = !named && args->words().empty() && !wanted.srs.empty();
    if (named) {
        wanted.conf = *named;
    } else if (!args->words().empty()) {
        wanted.conf = args->words()[0];
    }
    return wanted;
}

bool has_block(const std::vector<Directive> &all) {
    return std::any_of(all.begin(), all.end(), [](const Directive &d) {
        return d.block.empty() && d.words[0] == "keystone";
    });
}

} // namespace

int check(const Words &words) {
    auto wanted = read_words(words);
    if (!wanted) {
        return fail(kUsage, wanted.error().detail);
    }
    auto all = read_nginx_conf(wanted->conf);
    if (!all && !wanted->perhaps) {
        return fail(kRefused, all.error().detail);
    }
    Report report;
    Found found;
    // SRS may have a machine of its own
    if (wanted->perhaps && (!all || !has_block(*all))) {
        report.note("configuration",
                    std::string("there is no keystone block in ") +
                        kDefaultConf +
                        ": with -c FILE secrets and nodes are compared");
    } else {
        read_block(*all, found, report);
        if (report.problems() > 0) {
            return kRefused; // what it names cannot be known
        }
        check_store(found, report);
        check_redis(*all, found.config, report);
        check_upstreams(*all, found.config, report);
        check_nodes(found.config, report);
    }
    if (!wanted->srs.empty()) {
        check_srs_conf(wanted->srs, found.block ? &found.config : nullptr,
                       report);
    }
    return report.problems() == 0 ? kDone : kRefused;
}

} // namespace ks::ctl
