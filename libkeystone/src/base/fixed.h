// Text of a bounded length inside the object: for records in shared memory
// and for ids, where a heap pointer would mean nothing or cost too much.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ks {

template <size_t N> class Fixed {
    static_assert(N <= 255);

  public:
    Fixed() = default;
    explicit Fixed(std::string_view s) { assign(s); }

    static constexpr size_t capacity() { return N; }
    static bool fits(std::string_view s) { return s.size() <= N; }

    // Cuts what does not fit: ask fits() first where that matters.
    void assign(std::string_view s) {
        len_ = static_cast<uint8_t>(std::min(s.size(), N));
        if (len_ > 0) {     // no text may be a null pointer
            if (len_ > 0) { // an empty view may point nowhere
                std::memcpy(text_, s.data(), len_);
            }
        }
    }

    std::string_view view() const { return {text_, std::min<size_t>(len_, N)}; }
    std::string str() const { return std::string(view()); }
    bool empty() const { return len_ == 0; }

    friend bool operator==(const Fixed &a, const Fixed &b) {
        return a.view() == b.view();
    }
    friend bool operator==(const Fixed &a, std::string_view b) {
        return a.view() == b;
    }

  private:
    uint8_t len_ = 0;
    char text_[N] = {};
};

} // namespace ks
