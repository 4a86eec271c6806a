#include "report.h"

#include <cstdio>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ks::ctl {

namespace {

constexpr size_t kVerdict = 8;
constexpr size_t kWhat = 14;
constexpr size_t kIndent = kVerdict + 1 + kWhat + 1;
constexpr size_t kNarrow = kIndent + 30; // nothing is folded to less

// Where the line that starts at `from` is to end.
size_t fold(const std::string &text, size_t from, size_t room) {
    if (text.size() - from <= room) {
        return text.size();
    }
    size_t blank = text.rfind(' ', from + room);
    if (blank == std::string::npos || blank <= from) {
        blank = text.find(' ', from); // a word longer than a line
    }
    return blank == std::string::npos ? text.size() : blank;
}

} // namespace

Report::Report() {
    winsize size{};
    if (isatty(STDOUT_FILENO) != 1) {
        return;
    }
    colors_ = std::getenv("NO_COLOR") == nullptr;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > kNarrow) {
        width_ = size.ws_col;
    }
}

void Report::good(std::string_view what, const std::string &text) {
    line("ok", "\033[2m", what, text);
}

void Report::note(std::string_view what, const std::string &text) {
    line("note", "\033[2m", what, text);
}

void Report::warning(std::string_view what, const std::string &text) {
    line("warning", "\033[33m", what, text);
}

void Report::problem(std::string_view what, const std::string &text) {
    problems_++;
    line("PROBLEM", "\033[31m", what, text);
}

void Report::line(std::string_view verdict, const char *color,
                  std::string_view what, const std::string &text) const {
    std::string head(verdict);
    head.resize(kVerdict, ' ');
    std::string name(what);
    name.resize(name.size() < kWhat ? kWhat : name.size(), ' ');
    std::printf("%s%s%s %s ", colors_ ? color : "", head.c_str(),
                colors_ ? "\033[0m" : "", name.c_str());
    size_t room = width_ == 0 ? text.size() : width_ - kIndent;
    for (size_t from = 0; from < text.size();) {
        size_t end = fold(text, from, room);
        std::printf("%*s%.*s\n", from == 0 ? 0 : static_cast<int>(kIndent), "",
                    static_cast<int>(end - from), text.c_str() + from);
        from = end + 1;
    }
}

} // namespace ks::ctl
