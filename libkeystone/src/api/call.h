// One request inside this room: what is known of it before any I/O (Ask), and
// what a coroutine keeps of it (Call).
#pragma once

#include "api/api.h"
#include "model/user.h"

namespace ks::api {

struct Route;

// Who asks, by a verified access token.
struct Principal {
    Id user; // empty: nobody
    Id login;
    model::Role role = model::Role::user;

    bool known() const { return !user.empty(); }
    bool admin() const { return known() && role == model::Role::admin; }
    bool may_see(const Id &owner) const { return admin() || user == owner; }
};

struct Ask {
    const Route *route = nullptr;
    Principal who;
    Id id; // the {id} of the path
};

struct Call {
    explicit Call(const codec::RequestView &from) : request(from) {}

    codec::Request request;
    Ask ask;
    Labels labels;
    bool too_large = false;
};

} // namespace ks::api
