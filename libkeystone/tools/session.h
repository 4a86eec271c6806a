// What a command works with: a loop to run on, the store, and where to print.
#pragma once

#include "base/result.h"
#include "rt/loop.h"
#include "rt/poll_host.h"
#include "store/store.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ks::ctl {

// What the process says when it ends (docs: keystonectl help).
enum Exit : int {
    kDone = 0,
    kRefused = 1,    // the command is understood and cannot be done
    kUsage = 2,      // the command is not understood
    kUnavailable = 3 // the database cannot be used
};

class Session {
  public:
    explicit Session(std::string store_url) : url_(std::move(store_url)) {}

    // Opens and migrates.  Only with `create` a missing file is made: a typing
    // error must not end as an empty database.
    Result<void> open(bool create);

    // The same, and waits until the store answers.
    Result<void> open_store(bool create);

    // One who waits for it, through whatever pooler stands between; `timeout`
    // is that of a statement.
    static sql::Options database_options(Millis timeout = 30 * kSecond) {
        return {.pool = 1, .queue = 100, .timeout = timeout, .pooler = true};
    }
    // For what may take long: before open().
    void set_timeout(Millis timeout) { timeout_ = timeout; }

    store::Store &store() { return *store_; }
    rt::Loop &loop() { return loop_; }
    const std::string &url() const { return url_; }

    // Says what is wrong, with the database's own words if it is that; gives
    // the exit status.
    int failed(const Error &error) const;
    // The same of what opens or migrates: a schema that does not fit, too.
    int not_open(const Error &error) const;

    template <class T> T run(rt::Task<T> task) {
        if (!task.start()) {
            host_.run(loop_, [&] { return task.done(); });
        }
        return task.take();
    }

  private:
    struct FreeZone {
        void operator()(void *memory) const;
    };

    std::string url_;
    Millis timeout_ = 30 * kSecond;
    rt::PollHost host_{rt::LogLevel::emerg}; // errors are printed by commands
    rt::Loop loop_{host_};
    std::unique_ptr<void, FreeZone> zone_;
    std::unique_ptr<store::Store> store_;
};

// The file of sqlite:PATH, else nothing.
std::string file_of(std::string_view url);

// The address of a database: literal, env:NAME or file:PATH.  The error is one
// of usage, and quotes nothing: there may be a password.
Result<std::string> store_named(const std::string &word);

// "keystonectl: text" on standard error; gives the exit status.
int fail(const Error &error);
int fail(Exit status, std::string_view text);

// A table of two columns, the names dimmed on a terminal.
using Lines = std::vector<std::pair<std::string, std::string>>;
void print(const Lines &lines);

} // namespace ks::ctl
