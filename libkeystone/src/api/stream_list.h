// Pages of streams by what the store knows and by what is live now.
#pragma once

#include "api/context.h"
#include "model/live.h"

#include <functional>
#include <vector>

namespace ks::api {

// What one list may ask the store for; a page that would need more ends before
// it is full, and its cursor goes on from there.
constexpr int kMaxReads = 100;

struct Wanted {
    store::StreamFilter filter;
    std::optional<model::Status> status;
};

rt::Task<Result<store::Page<model::Stream>>>
find_streams(Context &ctx, const Wanted &wanted, const store::PageAsk &ask);

// Everything with a publisher, or waiting for one to come back.
std::vector<model::Live> live_now(Context &ctx);

// What the bases of the URLs in an answer depend on: part of a cache's key.
std::string page_key(std::string_view what, const codec::RequestView &request,
                     std::string_view who);

} // namespace ks::api
