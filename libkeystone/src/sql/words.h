// What is said to who asked.  The reason is in Database::health() and the log.
#pragma once

#include "rt/loop.h"
#include "sql/database.h"

namespace ks::sql {

inline constexpr const char *kUnavailable =
    "The database cannot be used right now. Try again in a moment.";
inline constexpr const char *kUncertain =
    "The database went away while it wrote. Whether that was done is not "
    "known: look before you try again.";
inline constexpr const char *kOverloaded =
    "Too much work is queued for the database. Try again in a moment.";

inline Result<Outcome> fit_for_strangers(Result<Outcome> result,
                                         bool uncertain = false) {
    if (!result && result.error().code == Code::store_unavailable) {
        result.error().detail = uncertain ? kUncertain : kUnavailable;
    }
    if (!result && result.error().code == Code::internal) {
        rt::Loop::current().log(rt::LogLevel::alert,
                                "SQL failed: " + result.error().detail);
        result.error().detail = "The database refused a statement.";
    }
    return result;
}

} // namespace ks::sql
