// Counts who is inside: one more for as long as it lives.
#pragma once

#include <cstddef>

namespace ks {

class Counted {
  public:
    explicit Counted(size_t &inside) : inside_(inside) { inside_++; }
    ~Counted() { inside_--; }
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;

  private:
    size_t &inside_;
};

} // namespace ks
