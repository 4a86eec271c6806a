// A secret in memory: wiped when it goes, never printed, compared in constant
// time.  Move-only, so that copies are made on purpose.
#pragma once

#include "base/bytes.h"

#include <string>
#include <string_view>
#include <utility>

namespace ks {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string_view text) : text_(text) {}
    Secret(Secret &&other) noexcept : text_(std::move(other.text_)) {
        other.clear();
    }
    Secret &operator=(Secret &&other) noexcept {
        if (this != &other) {
            clear();
            text_ = std::move(other.text_);
            other.clear();
        }
        return *this;
    }
    Secret(const Secret &) = delete;
    Secret &operator=(const Secret &) = delete;
    ~Secret() { clear(); }

    Secret copy() const { return Secret(text_); }
    bool empty() const { return text_.empty(); }
    // The name is long on purpose: it marks every place that sees the text.
    std::string_view reveal() const { return text_; }

    void clear() {
        text_.resize(text_.capacity()); // a moved-from short string, too
        wipe(text_.data(), text_.size());
        text_.clear();
    }

    friend bool operator==(const Secret &a, const Secret &b) {
        return equal_constant_time(a.text_, b.text_);
    }

  private:
    std::string text_;
};

} // namespace ks
