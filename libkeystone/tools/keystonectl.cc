// keystonectl: what an administrator does from a terminal.
#include "base/version.h"
#include "commands.h"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace ks::ctl;

constexpr const char *kHelp =
    R"(Usage: keystonectl [--store URL] COMMAND [OPTION]...

  migrate [--status | --dry-run]
      Bring the database to the schema of this release. --status lists what
      was applied, --dry-run what would be.
  user create --email ADDRESS [--name NAME] [--admin] [--password-stdin]
      Make an account; the first one is an administrator. The password is
      asked for on a terminal, else it is the first line of standard input;
      without one nobody can log in to the account.
  stream create --owner ADDRESS --title TITLE [--visibility VISIBILITY]
      Make a stream: public, unlisted (default) or private. Prints its key,
      this once.
  token create --stream ID --kind publish|play [--ttl 1h] [--label LABEL]
               [--max-uses N]
      Make a token; without --ttl (90, 30s, 15m, 1h, 7d) it is good for a
      day. Prints it, this once.
  token revoke ID
      End a token. nginx feels it within a second, live sessions included.
  node drain NAME | undrain NAME | list
      Let a media server keep the streams it has and give it no new one, so
      that it can be stopped; take that back; list those drained.
  import FROM TO
      Copy everything from one database into another that was migrated and
      not used: from a file to PostgreSQL, say. Stop nginx before; what was
      interrupted goes on when it is started again.
  check [-c FILE] [--srs FILE]
      Read the keystone block of a configuration (/etc/nginx/nginx.conf) and
      try what it names: database, Redis, media servers. With --srs read an srs.conf
      in the environment of this command, and try its hooks.
  version
  help

Commands that make something take --json. The database is --store, else
DATABASE_URL, else sqlite:keystone.db in the current directory. An address may
be env:NAME, of a variable, or file:PATH: others see the words of a command,
and a password in them.

Exit status: 0 done, 1 refused or a problem found, 2 wrong usage,
3 the database cannot be used.
)";

struct Command {
    const char *first;
    const char *second; // null: one word
    int (*run)(Session &session, const Words &words);
};

constexpr Command kCommands[] = {
    {"migrate", nullptr, migrate},       {"user", "create", user_create},
    {"stream", "create", stream_create}, {"token", "create", token_create},
    {"token", "revoke", token_revoke},   {"node", "list", node_list},
    {"node", "drain", node_drain},       {"node", "undrain", node_undrain},
    {"import", nullptr, import},
};

std::string default_store() {
    const char *url = std::getenv("DATABASE_URL");
    return url != nullptr && *url != '\0' ? url : "sqlite:keystone.db";
}

// Takes --store out of the words in front of the command.
bool take_store(Words &words, std::string &url) {
    while (!words.empty() && words[0].starts_with("--store")) {
        if (words[0] == "--store" && words.size() > 1) {
            url = words[1];
            words.erase(words.begin(), words.begin() + 2);
        } else if (words[0].starts_with("--store=")) {
            url = words[0].substr(8);
            words.erase(words.begin());
        } else {
            return false;
        }
    }
    return true;
}

int usage(std::string_view text) {
    return fail(kUsage,
                std::string(text) + ". Try keystonectl help for all there is");
}

int run(Words words) {
    std::string url = default_store();
    if (!take_store(words, url)) {
        return usage("--store needs a value");
    }
    if (words.empty()) {
        std::fputs(kHelp, stderr);
        return kUsage;
    }
    const std::string name = words[0];
    if (name == "help" || name == "--help" || name == "-h") {
        std::fputs(kHelp, stdout);
        return kDone;
    }
    if (name == "version" || name == "--version") {
        std::printf("keystonectl %s\n", ks::version());
        return kDone;
    }
    if (name == "check") {
        words.erase(words.begin());
        return check(words);
    }
    bool known = false;
    for (const Command &command : kCommands) {
        if (name != command.first) {
            continue;
        }
        known = true;
        size_t used = command.second == nullptr ? 1 : 2;
        if (used == 2 && (words.size() < 2 || words[1] != command.second)) {
            continue;
        }
        words.erase(words.begin(),
                    words.begin() + static_cast<std::ptrdiff_t>(used));
        auto named = store_named(url);
        if (!named) {
            return fail(kUsage, named.error().detail);
        }
        Session session(*named);
        return command.run(session, words);
    }
    if (known && words.size() > 1) {
        return usage("there is no command " + name + " " + words[1]);
    }
    return usage(known ? name + " needs another word"
                       : "there is no command " + name);
}

} // namespace

int main(int argc, char **argv) {
    try {
        return run(Words(argv + 1, argv + argc));
    } catch (const std::exception &e) {
        return fail(kRefused, e.what());
    }
}
