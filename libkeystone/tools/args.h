// The command line: options that a command knows, and words.
#pragma once

#include "base/result.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::ctl {

// "email" takes a value, "json!" is a flag.
using Options = std::vector<std::string_view>;

class Args {
  public:
    // --name VALUE or --name=VALUE; -c is --config.  The error says what is
    // wrong with it.
    static Result<Args> parse(const std::vector<std::string> &words,
                              const Options &known);

    bool flag(std::string_view name) const { return values_.count(name) != 0; }
    std::optional<std::string> value(std::string_view name) const;
    const std::vector<std::string> &words() const { return words_; }

  private:
    std::map<std::string, std::string, std::less<>> values_;
    std::vector<std::string> words_;
};

// 90, 30s, 15m, 2h, 7d in milliseconds.
std::optional<int64_t> parse_duration(std::string_view text);

} // namespace ks::ctl
