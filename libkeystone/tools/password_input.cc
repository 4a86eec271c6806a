#include "password_input.h"

#include <csignal>
#include <cstdio>
#include <termios.h>
#include <unistd.h>

namespace ks::ctl {

namespace {

constexpr size_t kMostRead = 1024;

Secret read_line() {
    char line[kMostRead];
    size_t len = 0;
    char c;
    while (len < sizeof(line) && read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        line[len++] = c;
    }
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    Secret out(std::string_view(line, len));
    wipe(line, sizeof(line));
    return out;
}

termios g_before;

// A terminal without echo would outlive us.
void restore_and_die(int signal_number) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &g_before);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

// Echo is off while this lives.
class Quiet {
  public:
    Quiet() {
        tcgetattr(STDIN_FILENO, &g_before);
        for (int one : kSignals) {
            signal(one, restore_and_die);
        }
        termios quiet = g_before;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    ~Quiet() {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &g_before);
        for (int one : kSignals) {
            signal(one, SIG_DFL);
        }
        std::fputc('\n', stderr);
    }

  private:
    static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};
};

Secret ask(const char *prompt) {
    std::fputs(prompt, stderr);
    std::fflush(stderr);
    Quiet quiet;
    return read_line();
}

} // namespace

Result<Secret> read_password(bool from_stdin) {
    if (from_stdin || isatty(STDIN_FILENO) != 1) {
        return read_line();
    }
    Secret first = ask("Password: ");
    Secret again = ask("Once more: ");
    if (!(first == again)) {
        return Error(Code::weak_password, "the two passwords are not the same");
    }
    return first;
}

} // namespace ks::ctl
