// What nearly every file includes, for the Makefile to have it read once.  No
// file leans on it: clang-tidy reads each without.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <coroutine>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
