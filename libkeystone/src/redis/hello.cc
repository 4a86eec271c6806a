#include "redis/hello.h"

#include <charconv>

namespace ks::redis {

namespace {

using codec::Reply;
using codec::resp_command;

struct Known {
    std::string_view name;
    bool hopeless;
    std::string_view trouble;
};

// https://github.com/redis/redis/blob/7.0/src/server.c, createSharedObjects()
constexpr Known kKnown[] = {
    {"NOAUTH", true, "wants a password: set password= of the redis directive"},
    {"WRONGPASS", true,
     "refuses user and password: check user= and password= of the redis "
     "directive"},
    {"NOPERM", false,
     "does not let this user do what is needed: give it the commands of "
     "+@all -@admin -@dangerous on keys and channels of prefix="},
    {"LOADING", true, "is still loading its data"},
    {"READONLY", true, "is a replica and takes no writes: name the primary"},
    {"MASTERDOWN", true, "is a replica that has lost its primary"},
    {"MOVED", true,
     "is part of a Redis Cluster: name one without cluster-enabled"},
    {"CLUSTERDOWN", true,
     "is part of a Redis Cluster: name one without cluster-enabled"},
    {"OOM", false,
     "is out of memory: raise maxmemory, or set maxmemory-policy to "
     "volatile-lru"},
    {"MISCONF", false, "takes no writes because it cannot save to its disk"},
    {"BUSY", false, "is busy with a script of somebody else"},
    {"NOREPLICAS", false, "takes no writes because it has too few replicas"},
    {"DENIED", true,
     "is in protected mode, where only its own host is let in: set a password "
     "there (requirepass) and here (password= of the redis directive)"},
};

// It has no name of its own (src/networking.c, acceptCommonHandler()).
constexpr std::string_view kFull = "ERR max number of clients";
constexpr Known kTooMany = {
    "ERR", true,
    "has no room for another client: raise maxclients there, or find out who "
    "is connected (CLIENT LIST)"};

const Known *known(const Reply &error) {
    if (error.is_error() && error.text.starts_with(kFull)) {
        return &kTooMany;
    }
    for (const Known &one : kKnown) {
        if (error.error_name() == one.name) {
            return &one;
        }
    }
    return nullptr;
}

} // namespace

std::string trouble_of(const Reply &error) {
    const Known *found = known(error);
    return found != nullptr ? std::string(found->trouble) : std::string();
}

bool is_hopeless(const Reply &error) {
    const Known *found = known(error);
    return found != nullptr && found->hopeless;
}

Hello::Hello(const Options &options) : options_(options) {
    if (!options.password.empty()) {
        steps_.push_back(Step::auth);
    }
    if (options.db != 0) {
        steps_.push_back(Step::select);
    }
    steps_.push_back(Step::name);
    steps_.push_back(Step::time);
    steps_.push_back(Step::ping);
}

std::string Hello::request() const {
    std::string bytes;
    for (Step step : steps_) {
        std::vector<std::string> words;
        switch (step) {
        case Step::auth:
            words = {"AUTH"};
            if (!options_.user.empty()) {
                words.push_back(options_.user);
            }
            words.emplace_back(options_.password.reveal());
            break;
        case Step::select:
            words = {"SELECT", std::to_string(options_.db)};
            break;
        case Step::name:
            words = {"CLIENT", "SETNAME", options_.name};
            break;
        case Step::time:
            words = {"TIME"};
            break;
        case Step::ping:
            words = {"PING"};
            break;
        }
        bytes += resp_command(words);
    }
    return bytes;
}

Hello::State Hello::reply(const Reply &reply) {
    Step step = steps_[at_];
    at_++;
    // A user may lack the right to name itself alone.  Who is not let in at all
    // is told so in place of the first answer, whichever that is.
    bool matters = step != Step::name || is_hopeless(reply);
    if (reply.is_error() && matters) {
        trouble_ = why_not(step, reply);
        return State::refused;
    }
    if (!accept(step, reply)) {
        trouble_ = "does not speak Redis's protocol";
        return State::refused;
    }
    return at_ < steps_.size() ? State::asking : State::done;
}

bool Hello::accept(Step step, const Reply &reply) {
    if (step == Step::ping) {
        return reply.text == "PONG";
    }
    if (step == Step::time) {
        int64_t parts[2] = {0, 0}; // seconds, microseconds
        for (size_t i = 0; i < 2 && reply.items.size() == 2; i++) {
            const std::string &text = reply.items[i].text;
            std::from_chars(text.data(), text.data() + text.size(), parts[i]);
        }
        time_ = parts[0] * 1'000'000 + parts[1];
        return time_ > 0;
    }
    return true;
}

std::string Hello::why_not(Step step, const Reply &error) const {
    std::string known = trouble_of(error);
    if (!known.empty()) {
        return known;
    }
    if (step == Step::auth) {
        return "refuses AUTH: has it a password at all, and a user of this "
               "name?";
    }
    if (step == Step::select) {
        return "has no database " + std::to_string(options_.db) +
               ": lower db= of the redis directive";
    }
    return "refuses a greeting: " + std::string(error.error_name());
}

} // namespace ks::redis
