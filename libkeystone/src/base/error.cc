#include "base/error.h"

namespace ks {

namespace {

struct Row {
    std::string_view name;
    unsigned status;
    std::string_view title;
};

constexpr Row kRows[] = {{"allow", 200, "Allowed"},
#define X(name, status, title) {#name, status, title},
                         KS_CODES(X)
#undef X
};

const Row &row(Code code) {
    auto i = static_cast<size_t>(code);
    return kRows[i < std::size(kRows) ? i
                                      : static_cast<size_t>(Code::internal)];
}

} // namespace

std::string_view code_name(Code code) { return row(code).name; }
unsigned code_status(Code code) { return row(code).status; }
std::string_view code_title(Code code) { return row(code).title; }

} // namespace ks
