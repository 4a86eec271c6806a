// A file that cannot be used: what is said, and that it ends when the cause does.
#include "support.h"

#include <csignal>
#include <fcntl.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ks;
using namespace ks::test;

namespace {

void a_missing_directory_is_named(void **) {
    Runner w;
    TempDir dir;
    auto db = sql::open("sqlite:" + dir.file("none/k.db"));
    auto got = w.run((*db)->query(kCreate, sql::Params()));
    assert_code(got, store_unavailable);
    assert_true(got.error().retry_after_s >= 1);
    assert_true(got.error().detail.find(dir.path()) == std::string::npos);
    assert_false((*db)->health().usable);
    assert_true(says(**db, dir.file("none") + " does not exist"));

    std::filesystem::create_directory(dir.file("none"));
    got = w.run((*db)->query(kCreate, sql::Params()));
    assert_code(got, ok);
    assert_true((*db)->health().usable);
    assert_text((*db)->health().trouble, "");
}

void the_file_is_for_its_owner_only(void **) {
    SqlWorld w;
    assert_code(w.query(kAdd, "a", 1), ok);
    for (const char *name : {"k.db", "k.db-wal", "k.db-shm"}) {
        struct stat st;
        assert_int_equal(stat(w.dir.file(name).c_str(), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

void what_root_makes_is_for_whom_the_directory_is(void **) {
    struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || nobody == nullptr) {
        skip_test();
    }
    Runner w;
    TempDir dir;
    assert_int_equal(chown(dir.path().c_str(), nobody->pw_uid, 0), 0);
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    assert_code(w.run((*db)->query(kCreate, sql::Params())), ok);
    for (const char *name : {"k.db", "k.db-wal", "k.db-shm"}) {
        struct stat st;
        assert_int_equal(stat(dir.file(name).c_str(), &st), 0);
        assert_int_equal(st.st_uid, nobody->pw_uid);
    }
}

// Runs the body as somebody who is not root, in a child: nobody may write what
// root may.  The child's exit status is the verdict.
template <class Body> void as_nobody(Body body) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0) {
            struct passwd *nobody = getpwnam("nobody");
            if (nobody == nullptr || setgid(nobody->pw_gid) != 0 ||
                setuid(nobody->pw_uid) != 0) {
                _exit(9);
            }
        }
        _exit(body() ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void a_file_of_another_user_is_named_with_ours(void **) {
    TempDir dir;
    {
        Runner w;
        auto db = sql::open("sqlite:" + dir.file("k.db"));
        assert_code(w.run((*db)->query(kCreate, sql::Params())), ok);
    }
    chmod(dir.path().c_str(), 0755);
    chmod(dir.file("k.db").c_str(), 0444);
    as_nobody([&] {
        Runner w;
        auto db = sql::open("sqlite:" + dir.file("k.db"));
        auto got = w.run((*db)->query(kAdd, sql::params("a", 1)));
        struct passwd *me = getpwuid(geteuid());
        return code_of(got) == Code::store_unavailable &&
               says(**db, dir.file("k.db")) && says(**db, "must be able") &&
               (me == nullptr || says(**db, me->pw_name));
    });
}

void a_file_that_is_gone_is_not_made_again(void **) {
    SqlWorld w;
    assert_code(w.query(kAdd, "a", 1), ok);
    std::string file = w.dir.file("k.db");
    std::filesystem::rename(file, file + ".away");
    assert_code(w.query(kAdd, "b", 1), store_unavailable);
    assert_true(says(*w.db, "is gone"));
    assert_false(std::filesystem::exists(file));

    std::filesystem::rename(file + ".away", file);
    assert_code(w.query(kAdd, "b", 1), ok);
    assert_int_equal(w.count(), 2);
}

void another_file_in_its_place_is_used(void **) {
    SqlWorld w;
    assert_code(w.query(kAdd, "old", 1), ok);
    assert_int_equal(w.count(), 1);
    std::string file = w.dir.file("k.db");
    {
        auto other = sql::open("sqlite:" + file + ".new");
        assert_code(w.run((*other)->query(kCreate, sql::Params())), ok);
        for (const char *key : {"x", "y"}) {
            auto added = w.run((*other)->query(kAdd, sql::params(key, 1)));
            assert_code(added, ok);
        }
    }
    // As a restore does it: with the old write-ahead log out of the way.
    std::filesystem::remove(file + "-wal");
    std::filesystem::remove(file + "-shm");
    std::filesystem::rename(file + ".new", file);
    assert_int_equal(w.count(), 2);
    assert_code(w.query(kAdd, "z", 1), ok);
    assert_int_equal(w.count(), 3);
}

void a_file_that_is_no_database_is_said(void **) {
    TempDir dir;
    Runner w;
    {
        std::ofstream out(dir.file("k.db"));
        for (int i = 0; i < 1000; i++) {
            out << "this is not a database file ";
        }
    }
    auto db = sql::open("sqlite:" + dir.file("k.db"));
    auto got = w.run((*db)->query(kCreate, sql::Params()));
    assert_code(got, store_unavailable);
    assert_true(says(**db, "not a usable SQLite database"));
}

// The limit of the file size stands for a full disk; SQLite sees EFBIG.
void a_full_disk_stops_writes_and_not_reads(void **) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        SqlWorld w;
        bool good = w.query(kAdd, "a", 1).ok();
        struct rlimit most;
        getrlimit(RLIMIT_FSIZE, &most);
        struct rlimit little = {200'000, most.rlim_max};
        setrlimit(RLIMIT_FSIZE, &little);
        std::string big(10'000, 'x');
        Code code = Code::ok;
        int added = 1;
        for (int i = 0; i < 100 && code == Code::ok; i++, added++) {
            code = code_of(w.query(kAdd, big + std::to_string(i), 1));
        }
        added--;
        good = good && code == Code::store_unavailable &&
               !w.db->health().usable && says(*w.db, "k.db");
        auto rows = w.query(kAll);
        good = good && rows.ok() && rows->size() == size_t(added);
        setrlimit(RLIMIT_FSIZE, &most);
        good = good && w.query(kAdd, "after", 1).ok();
        good = good && w.count() == size_t(added) + 1;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// One that comes and goes must not take itself for the last one and put the
// log away under the others.
void a_process_that_goes_leaves_the_others_their_log(void **) {
    TempDir dir;
    std::string url = "sqlite:" + dir.file("k.db");
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char c;
        [[maybe_unused]] ssize_t n = read(gate[0], &c, 1);
        Runner w;
        auto db = sql::open(url);
        auto added = w.run((*db)->query(kAdd, sql::params("theirs", 1)));
        db->reset();
        _exit(added.ok() ? 0 : 1);
    }
    Runner w;
    auto db = sql::open(url);
    assert_code(w.run((*db)->query(kCreate, sql::Params())), ok);
    auto rows = w.run((*db)->query(kAll, sql::Params())); // opens a reader
    assert_true(rows.ok() && rows->size() == 0);
    assert_int_equal(write(gate[1], "x", 1), 1);
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(std::filesystem::exists(dir.file("k.db-wal")));
    rows = w.run((*db)->query(kAll, sql::Params()));
    assert_true(rows.ok());
    assert_int_equal(rows->size(), 1);
    assert_code(w.run((*db)->query(kAdd, sql::params("ours", 1))), ok);
    rows = w.run((*db)->query(kAll, sql::Params()));
    assert_int_equal(rows->size(), 2);
    close(gate[0]);
    close(gate[1]);
}

void processes_share_the_file(void **) {
    constexpr int kProcesses = 4;
    constexpr int kTimes = 50;
    TempDir dir;
    std::string url = "sqlite:" + dir.file("k.db");
    {
        Runner w;
        auto db = sql::open(url);
        assert_code(w.run((*db)->query(kCreate, sql::Params())), ok);
        assert_code(w.run((*db)->query(kAdd, sql::params("a", 0))), ok);
    }
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            Runner w;
            auto db = sql::open(url);
            for (int n = 0; n < kTimes; n++) {
                sql::Batch batch;
                batch.emplace_back(kBump, sql::params("a", 1));
                batch.emplace_back(kBump, sql::params("a", 1));
                auto done = w.run((*db)->batch(std::move(batch)));
                if (!done.ok()) {
                    print_error("%s\n", (*db)->health().trouble.c_str());
                    _exit(1);
                }
            }
            _exit(0);
        }
        children.push_back(pid);
    }
    for (pid_t pid : children) {
        int status = 0;
        waitpid(pid, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    Runner w;
    auto db = sql::open(url);
    auto rows = w.run((*db)->query(kAll, sql::Params()));
    assert_true(rows.ok());
    assert_int_equal((*rows)[0].number(1), kProcesses * kTimes * 2);
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(processes_share_the_file),
        cmocka_unit_test(a_process_that_goes_leaves_the_others_their_log),
        cmocka_unit_test(a_full_disk_stops_writes_and_not_reads),
        cmocka_unit_test(a_file_of_another_user_is_named_with_ours),
        cmocka_unit_test(what_root_makes_is_for_whom_the_directory_is),
        cmocka_unit_test(a_missing_directory_is_named),
        cmocka_unit_test(the_file_is_for_its_owner_only),
        cmocka_unit_test(a_file_that_is_gone_is_not_made_again),
        cmocka_unit_test(another_file_in_its_place_is_used),
        cmocka_unit_test(a_file_that_is_no_database_is_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
