// Who is inside, for as long as they live: how many, or whether anybody is.
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

// However it ends: else it would never be done again.
class Flagged {
  public:
    explicit Flagged(bool &inside) : inside_(inside) { inside_ = true; }
    ~Flagged() { inside_ = false; }
    Flagged(const Flagged &) = delete;
    Flagged &operator=(const Flagged &) = delete;

  private:
    bool &inside_;
};

} // namespace ks
