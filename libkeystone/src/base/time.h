// Times are BIGINT milliseconds everywhere inside; text only at the border.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ks {

using Millis = int64_t;       // a duration, or a point on the monotonic clock
using WallMs = int64_t;       // milliseconds since 1970-01-01T00:00:00Z
constexpr Millis kNever = -1; // "no such time"
constexpr Millis kSecond = 1000;
constexpr Millis kMinute = 60 * kSecond;
constexpr Millis kHour = 60 * kMinute;
constexpr Millis kDay = 24 * kHour;

// RFC 3339, UTC, three decimals: 2026-01-31T23:59:59.123Z
std::string rfc3339(WallMs t);
// Takes exactly that form, with 0 to 3 decimals, in years 1970 to 9999.
std::optional<WallMs> parse_rfc3339(std::string_view text);

} // namespace ks
