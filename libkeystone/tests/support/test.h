// CMocka for C++: include this, never <cmocka.h>.
//
//   static void knows_its_name(void **) { assert_text(f(), "name"); }
//
//   int main() {
//       const CMUnitTest tests[] = {cmocka_unit_test(knows_its_name)};
//       return cmocka_run_group_tests(tests, nullptr, nullptr);
//   }
//
// A failed assertion leaves the test by longjmp(): what lives on its stack is
// not destroyed, so a failing test may leak, and is done anyway.
#pragma once

// CMocka's macros (fail, skip, ...) would break headers that come after.
#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
}

#undef fail // use fail_msg(); streams have a member of that name
#undef skip // use skip_test()

#define skip_test() _skip(__FILE__, __LINE__)

namespace ks::test {

inline void text_equal(std::string_view actual, std::string_view expected,
                       const char *file, int line) {
    if (actual != expected) {
        print_error("\"%.*s\" is not\n\"%.*s\"\n",
                    static_cast<int>(actual.size()), actual.data(),
                    static_cast<int>(expected.size()), expected.data());
        _fail(file, line);
    }
}

inline void holds_in(bool holds, std::string_view row, const char *what,
                     const char *file, int line) {
    if (!holds) {
        print_error("row \"%.*s\": %s\n", static_cast<int>(row.size()),
                    row.data(), what);
        _fail(file, line);
    }
}

inline void has(std::string_view text, std::string_view part, const char *file,
                int line) {
    if (text.find(part) == std::string_view::npos) {
        print_error("\"%.*s\" does not have\n\"%.*s\"\n",
                    static_cast<int>(text.size()), text.data(),
                    static_cast<int>(part.size()), part.data());
        _fail(file, line);
    }
}

// A file of tests/data.
inline std::string data(std::string_view name) {
    std::string path = __FILE__;
    path.erase(path.rfind('/'));
    path += "/../data/";
    path += name;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in || text.str().empty()) {
        print_error("%s: cannot be read\n", path.c_str());
        _fail(__FILE__, __LINE__);
    }
    return text.str();
}

} // namespace ks::test

// Part of a text: a message, a body.
#define assert_has(text, part) ks::test::has((text), (part), __FILE__, __LINE__)

// Any two texts: std::string, std::string_view, literals.
#define assert_text(actual, expected)                                          \
    ks::test::text_equal((actual), (expected), __FILE__, __LINE__)

// For tables: says which row it was.
#define assert_row(row, holds)                                                 \
    ks::test::holds_in(static_cast<bool>(holds), (row), #holds, __FILE__,      \
                       __LINE__)
