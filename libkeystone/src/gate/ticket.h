// What SRS shows its hook to say for which session of ours it asks.
//
// The session's id must not serve: it is the capability behind DELETE, and SRS
// writes the query it was called with to its log.  A ticket is that id, one
// block under AES with a key made from the JWT secret: nothing is stored, every
// host of the installation can read it, and nobody else can make one.
#pragma once

#include "base/id.h"
#include "base/secret.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_cipher_ctx_st; // OpenSSL's

namespace ks::gate {

// The name of the query's member that carries it.
inline constexpr std::string_view kTicket = "ks";

class Tickets {
  public:
    // The first secret makes tickets, each of them reads them.
    explicit Tickets(const std::vector<Secret> &secrets);
    ~Tickets();
    Tickets(const Tickets &) = delete;
    Tickets &operator=(const Tickets &) = delete;

    // 22 characters of base64url; empty when the cipher fails.
    std::string make(const Id &session) const;

    // The sessions it may stand for, one for each secret: which of them is
    // there tells which secret it was.  Empty: no ticket.
    std::vector<Id> read(std::string_view ticket) const;

  private:
    struct Free {
        void operator()(evp_cipher_ctx_st *ctx) const;
    };
    using Cipher = std::unique_ptr<evp_cipher_ctx_st, Free>;
    struct Key {
        Cipher lock;
        Cipher unlock;
    };
    std::vector<Key> keys_;
};

} // namespace ks::gate
