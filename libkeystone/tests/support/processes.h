// The same in several processes at once: for what only one of them may do.
#pragma once

#include "test.h"

#include <functional>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace ks::test {

// Exit statuses of `count` children that all began work(i) at the same time.
// Fork before the test has threads.
inline std::vector<int> in_processes(int count,
                                     const std::function<int(int)> &work) {
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(gate[1]);
            char c;
            [[maybe_unused]] ssize_t n = read(gate[0], &c, 1);
            _exit(work(i));
        }
        children.push_back(pid);
    }
    close(gate[0]);
    close(gate[1]);
    std::vector<int> all;
    for (pid_t pid : children) {
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        all.push_back(WEXITSTATUS(status));
    }
    return all;
}

} // namespace ks::test
