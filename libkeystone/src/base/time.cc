#include "base/time.h"

#include <charconv>
#include <chrono>

namespace ks {

namespace {

void put(char *at, int width, int value) {
    for (int i = width - 1; i >= 0; i--) {
        at[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

bool take(std::string_view text, size_t at, size_t width, int &out) {
    out = 0;
    for (size_t i = at; i < at + width; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        out = out * 10 + (text[i] - '0');
    }
    return true;
}

} // namespace

std::string rfc3339(WallMs t) {
    using namespace std::chrono;
    sys_time<milliseconds> at{milliseconds(t)};
    auto day = floor<days>(at);
    year_month_day date{day};
    hh_mm_ss<milliseconds> clock{at - day};

    std::string out = "0000-00-00T00:00:00.000Z";
    put(&out[0], 4, static_cast<int>(date.year()));
    put(&out[5], 2, static_cast<int>(static_cast<unsigned>(date.month())));
    put(&out[8], 2, static_cast<int>(static_cast<unsigned>(date.day())));
    put(&out[11], 2, static_cast<int>(clock.hours().count()));
    put(&out[14], 2, static_cast<int>(clock.minutes().count()));
    put(&out[17], 2, static_cast<int>(clock.seconds().count()));
    put(&out[20], 3, static_cast<int>(clock.subseconds().count()));
    return out;
}

std::optional<WallMs> parse_rfc3339(std::string_view s) {
    using namespace std::chrono;
    constexpr std::string_view kForm = "....-..-..T..:..:..";
    if (s.size() < kForm.size() + 1 || s.back() != 'Z') {
        return std::nullopt;
    }
    for (size_t i = 0; i < kForm.size(); i++) {
        if (kForm[i] != '.' && s[i] != kForm[i]) {
            return std::nullopt;
        }
    }
    int y, mo, d, h, mi, sec, ms = 0;
    if (!take(s, 0, 4, y) || !take(s, 5, 2, mo) || !take(s, 8, 2, d) ||
        !take(s, 11, 2, h) || !take(s, 14, 2, mi) || !take(s, 17, 2, sec)) {
        return std::nullopt;
    }
    std::string_view rest = s.substr(kForm.size(), s.size() - kForm.size() - 1);
    if (!rest.empty()) {
        if (rest[0] != '.' || rest.size() < 2 || rest.size() > 4 ||
            !take(rest, 1, rest.size() - 1, ms)) {
            return std::nullopt;
        }
        for (size_t i = rest.size(); i < 4; i++) {
            ms *= 10;
        }
    }
    year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                        day(static_cast<unsigned>(d))};
    if (!date.ok() || y < 1970 || h > 23 || mi > 59 || sec > 59) {
        return std::nullopt;
    }
    auto at = sys_days(date) + hours(h) + minutes(mi) + seconds(sec);
    return duration_cast<milliseconds>(at.time_since_epoch()).count() + ms;
}

} // namespace ks
