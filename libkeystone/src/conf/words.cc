#include "conf/words.h"

#include <algorithm>
#include <charconv>

namespace ks::conf {

Error bad(const std::string &what) {
    return Error(Code::invalid_request, what);
}

std::string quoted(std::string_view s) { return '"' + std::string(s) + '"'; }

Result<int> number(std::string_view text, int min, int max) {
    int n = 0;
    auto [end, ec] = std::from_chars(text.begin(), text.end(), n);
    if (ec != std::errc() || end != text.end() || n < min || n > max) {
        return bad(quoted(text) + " is not a number from " +
                   std::to_string(min) + " to " + std::to_string(max));
    }
    return n;
}

Result<void> note_once(std::vector<std::string> &seen,
                       std::string_view directive, std::string_view name) {
    std::string text(name);
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) {
        return bad(quoted(directive) + " has " + quoted(text + '=') +
                   " twice: remove one of the two");
    }
    seen.push_back(std::move(text));
    return {};
}

Result<std::string> only_value(const Words &words) {
    if (words.size() != 2) {
        return bad(quoted(words[0]) + " takes one value: write " +
                   quoted(words[0] + " VALUE;"));
    }
    return resolve_value(words[1]);
}

} // namespace ks::conf
