#include "sql/sqlite_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ks::sql {

namespace {

std::string user_name() {
    char buffer[1024];
    struct passwd entry;
    struct passwd *found = nullptr;
    uid_t uid = geteuid();
    if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 &&
        found != nullptr) {
        return std::string("user ") + found->pw_name;
    }
    return "user id " + std::to_string(uid);
}

} // namespace

std::string directory_of(const std::string &path) {
    size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string writable_by(const std::string &path) {
    std::string dir = directory_of(path);
    struct stat st;
    if (stat(dir.c_str(), &st) != 0) {
        return errno == ENOENT
                   ? "its directory " + dir + " does not exist"
                   : user_name() + " must be able to enter " + dir +
                         " and to write there: " + std::strerror(errno);
    }
    return user_name() + " must be able to write it and its directory " + dir;
}

int make_file(const std::string &path) {
    static std::atomic<unsigned> count{0};
    std::string draft = path + ".new-" + std::to_string(getpid()) + "-" +
                        std::to_string(count.fetch_add(1));
    int fd = open(draft.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        return errno;
    }
    struct stat st;
    int why = 0;
    if (geteuid() == 0 && stat(directory_of(path).c_str(), &st) == 0 &&
        fchown(fd, st.st_uid, st.st_gid) != 0) {
        why = errno;
    }
    close(fd);
    if (why == 0 && link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) {
        why = errno;
    }
    unlink(draft.c_str());
    return why;
}

} // namespace ks::sql
