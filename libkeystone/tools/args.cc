#include "args.h"

#include "base/time.h"

#include <algorithm>
#include <charconv>

namespace ks::ctl {

namespace {

Error usage(const std::string &text) {
    return Error(Code::invalid_request, text);
}

// 0: unknown, 1: a flag, 2: takes a value.
int kind_of(std::string_view name, const Options &known) {
    for (std::string_view one : known) {
        if (one == name) {
            return 2;
        }
        if (one.ends_with('!') && one.substr(0, one.size() - 1) == name) {
            return 1;
        }
    }
    return 0;
}

} // namespace

Result<Args> Args::parse(const std::vector<std::string> &words,
                         const Options &known) {
    Args args;
    bool only_words = false;
    for (size_t i = 0; i < words.size(); i++) {
        const std::string &word = words[i];
        if (word == "--") {
            only_words = true;
            continue;
        }
        if (only_words || !word.starts_with('-') || word == "-") {
            args.words_.push_back(word);
            continue;
        }
        size_t equals = word.find('=');
        std::string name =
            word == "-c" ? "config"
            : word.starts_with("--")
                ? word.substr(2,
                              equals == std::string::npos ? equals : equals - 2)
                : word;
        int kind = kind_of(name, known);
        if (kind == 0) {
            return usage("there is no option " + word.substr(0, equals));
        }
        if (kind == 1) {
            if (equals != std::string::npos) {
                return usage("--" + name + " takes no value");
            }
            args.values_[name] = "";
        } else if (equals != std::string::npos) {
            args.values_[name] = word.substr(equals + 1);
        } else if (i + 1 < words.size()) {
            args.values_[name] = words[++i];
        } else {
            return usage(word + " needs a value");
        }
    }
    return args;
}

std::optional<std::string> Args::value(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end()) {
        return std::nullopt;
    }
    return found->second;
}

std::optional<int64_t> parse_duration(std::string_view text) {
    int64_t n = 0;
    auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), n);
    std::string_view unit(end,
                          static_cast<size_t>(text.data() + text.size() - end));
    constexpr int64_t kMost = 100'000'000;
    if (failed != std::errc() || n < 1 || n > kMost) {
        return std::nullopt;
    }
    constexpr std::pair<std::string_view, int64_t> kUnits[] = {{"", kSecond},
                                                               {"s", kSecond},
                                                               {"m", kMinute},
                                                               {"h", kHour},
                                                               {"d", kDay}};
    for (auto [name, ms] : kUnits) {
        if (unit == name) {
            return n * ms;
        }
    }
    return std::nullopt;
}

} // namespace ks::ctl
