// A store on the poll host: on a SQLite file in a directory of its own, or on a
// private PostgreSQL.  on_both() runs the same tests on the one and the other.
#pragma once

#include "../support/postgres.h"
#include "../support/test.h"
#include "rt/loop.h"
#include "rt/poll_host.h"
#include "rt/wait.h"
#include "store/migrate.h"
#include "store/store.h"
#include "zone/zone.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <linux/futex.h>
#include <optional>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace ks::test {

class TempDir {
  public:
    TempDir() {
        const char *base = std::getenv("TMPDIR");
        std::string form = std::string(base != nullptr ? base : "/tmp");
        form += "/keystone-test-XXXXXX";
        path_ = mkdtemp(form.data());
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

class ZoneMemory {
  public:
    // Another number, another host.
    explicit ZoneMemory(uint8_t number = 7, size_t size = kSize)
        : memory_(std::aligned_alloc(4096, size)), size_(size) {
        std::memset(memory_, 0, size); // else an earlier test's is adopted
        uint8_t key[16] = {number, 1, 4, 9, 2};
        auto made = zone::Zone::init(memory_, size, key);
        assert_true(made.ok());
    }
    // A lock of it that is still held, as a worker's is that did not leave,
    // stays in the list of this thread, and a later one crashes.
    ~ZoneMemory() {
        robust_list_head *held = nullptr;
        size_t size = 0;
        syscall(SYS_get_robust_list, 0, &held, &size);
        char *first = static_cast<char *>(memory_);
        for (robust_list *one = held->list.next; one != &held->list;
             one = one->next) {
            auto *at = reinterpret_cast<char *>(one);
            if (at >= first && at < first + size_) {
                print_error("a lock of the zone is still held\n");
                std::abort();
            }
        }
        std::free(memory_);
    }
    zone::Zone &zone() { return *zone::Zone::at(memory_); }

    static constexpr size_t kSize = size_t{4} << 20;

  private:
    void *memory_;
    size_t size_;
};

// A poll host whose clock the test may move forward and whose pools it may
// declare full.
class TravelHost : public rt::PollHost {
  public:
    TravelHost() : PollHost(rt::LogLevel::emerg) {}
    Millis now() override { return stopped.value_or(PollHost::now()) + ahead; }
    WallMs wall() override { return PollHost::wall() + ahead; }
    void log(rt::LogLevel level, std::string_view text) override {
        lines.emplace_back(text);
        (void)level;
    }
    bool offload(rt::Pool pool, rt::Job *job) override {
        bool over = full_after && (*full_after)-- <= 0;
        return pool != full && !over && PollHost::offload(pool, job);
    }
    Millis ahead = 0;
    std::optional<Millis> stopped; // the clock, at this time
    std::optional<rt::Pool> full;
    std::optional<int> full_after; // so many jobs
    std::vector<std::string> lines;
};

struct Runner {
    TravelHost host;
    rt::Loop loop{host};

    template <class T> T run(rt::Task<T> task) {
        if (!task.start()) {
            host.run(loop, [&] { return task.done(); });
        }
        return task.take();
    }
    // Turns the loop until it holds; fails the test after ten seconds.
    template <class Fn> void until(Fn holds) {
        Millis end = host.PollHost::now() + 10 * kSecond;
        while (!holds()) {
            assert_true(host.PollHost::now() < end);
            run(nap());
        }
    }
    // The same outside of the loop: a process that was stopped for `over`.
    template <class Fn> void stall(Fn until, Millis over) {
        Millis end = host.PollHost::now() + 10 * kSecond;
        while (!until()) {
            assert_true(host.PollHost::now() < end);
            usleep(1000);
        }
        host.ahead += over;
    }
    static rt::Task<int> nap() {
        co_await rt::sleep_for(5);
        co_return 0;
    }
};

inline bool on_postgres = false; // the databases of this round

// A new and empty database.
inline std::string new_database(const TempDir &dir) {
    return on_postgres ? shared_postgres().make_schema()
                       : "sqlite:" + dir.file("k.db");
}

// The same with the schema of this release, for several who use it at once.
inline std::string ready_database(const TempDir &dir) {
    std::string url = new_database(dir);
    if (on_postgres) {
        Runner runner;
        auto db = sql::open(url);
        auto migrated = runner.run(store::migrate(**db));
        assert_true(migrated.ok());
    }
    return url;
}

struct StoreWorld : Runner {
    TempDir dir;
    std::string url = new_database(dir);
    ZoneMemory memory;
    std::unique_ptr<store::Store> store;

    StoreWorld() { open(); }
    // Again: as another process would, with the same zone.
    void open() {
        auto made = store::Store::make(url, memory.zone());
        assert_true(made.ok());
        store = std::move(*made);
        if (on_postgres) {
            auto migrated = run(store::migrate(store->database()));
            assert_true(migrated.ok());
        }
        auto opened = run(store->open());
        assert_true(opened.ok());
    }
    model::User user(std::string email) {
        store::NewUser wanted;
        wanted.email = std::move(email);
        wanted.name = "N";
        wanted.password_hash = "$x";
        auto made = run(store->users().create(wanted));
        assert_true(made.ok());
        return *made;
    }
    store::CreatedStream stream(const Id &owner, std::string title = "T") {
        model::Stream wanted;
        wanted.owner_id = owner;
        wanted.title = std::move(title);
        auto made = run(store->streams().create(wanted));
        assert_true(made.ok());
        return std::move(*made);
    }
    store::CreatedToken token(const Id &stream, int max_uses = 0,
                              WallMs expires_at = 0) {
        model::Token wanted;
        wanted.stream_id = stream;
        wanted.max_uses = max_uses;
        wanted.expires_at = expires_at;
        auto made = run(store->tokens().create(wanted));
        assert_true(made.ok());
        return std::move(*made);
    }
};

template <size_t N> int on_both(const CMUnitTest (&tests)[N]) {
    int failed = 0;
    for (bool postgres : {false, true}) {
        on_postgres = postgres;
        failed += cmocka_run_group_tests_name(
            postgres ? "on PostgreSQL" : "on SQLite", tests, nullptr, nullptr);
    }
    return failed;
}

// The code of a failure; ok when it is none.
template <class T> Code code_of(const Result<T> &r) {
    return r.ok() ? Code::ok : r.error().code;
}

#define assert_code(result, expected)                                          \
    assert_int_equal(static_cast<int>(ks::test::code_of(result)),              \
                     static_cast<int>(ks::Code::expected))

} // namespace ks::test
