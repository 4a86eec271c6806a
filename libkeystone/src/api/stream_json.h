// A stream as JSON.
#pragma once

#include "api/urls.h"
#include "codec/json_writer.h"
#include "model/live.h"
#include "model/stream.h"

namespace ks::api {

// To its owner: everything.  `key`: shown once, after it was made; else empty.
void write_stream(codec::JsonWriter &out, const model::Stream &stream,
                  const model::Live *live, const Bases &bases, WallMs now,
                  std::string_view key = {});

// To everybody, in the directory of what is live.
void write_public_stream(codec::JsonWriter &out, const model::Stream &stream,
                         const model::Live &live, const Bases &bases,
                         WallMs now);

// GET /v1/streams/{id}/status
std::string status_json(bool enabled, const model::Live *live, WallMs now);

} // namespace ks::api
