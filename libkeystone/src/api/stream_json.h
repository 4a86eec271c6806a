// A stream as JSON.
#pragma once

#include "api/urls.h"
#include "codec/json_writer.h"
#include "model/live.h"
#include "model/stream.h"

namespace ks::api {

// Where in the text the members stand that change by themselves.
struct LivePart {
    size_t from = 0;
    size_t to = 0;
};

// To its owner: everything.  `key`: shown once, after it was made; else empty.
LivePart write_stream(codec::JsonWriter &out, const model::Stream &stream,
                      const model::Live *live, const Bases &bases, WallMs now,
                      std::string_view key = {});
// The text of that part.
std::string live_part(bool enabled, const model::Live *live, WallMs now);

// To everybody, in the directory of what is live.
void write_public_stream(codec::JsonWriter &out, const model::Stream &stream,
                         const model::Live &live, const Bases &bases,
                         WallMs now);

// GET /v1/streams/{id}/status
std::string status_json(bool enabled, const model::Live *live, WallMs now);

} // namespace ks::api
