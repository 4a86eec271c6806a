// The lines of keystonectl check: a verdict, what it is about, and words.
#pragma once

#include <string>
#include <string_view>

namespace ks::ctl {

// On a terminal long lines are folded under themselves, and only what wants
// attention has a colour.
class Report {
  public:
    Report();

    void good(std::string_view what, const std::string &text);
    // Nothing is wrong, but somebody may want to know.
    void note(std::string_view what, const std::string &text);
    // Right for some, dangerous for most.
    void warning(std::string_view what, const std::string &text);
    void problem(std::string_view what, const std::string &text);

    int problems() const { return problems_; }

  private:
    void line(std::string_view verdict, const char *color,
              std::string_view what, const std::string &text) const;

    size_t width_ = 0; // of the terminal; 0: it is none
    bool colors_ = false;
    int problems_ = 0;
};

} // namespace ks::ctl
