// What a client may say about a stream.
#pragma once

#include "codec/fields.h"
#include "model/stream.h"
#include "store/streams.h"

#include <optional>
#include <string>
#include <vector>

namespace ks::api {

struct StreamInput {
    store::StreamPatch patch; // null in a merge patch: back to the default
    // The metadata as it was sent: PATCH merges it into what is there.
    codec::Json metadata;
    std::vector<codec::FieldError> wrong; // empty: all is well
};

// `creating`: the title is required.
StreamInput read_stream_input(const codec::Json &body, bool creating);

// A new stream of what was given, the rest by default.
model::Stream new_stream(const store::StreamPatch &given, const Id &owner);

// RFC 7396: `patch` merged into `target`, as compact JSON.
std::string merge_patch(const codec::Json &target, const codec::Json &patch);

constexpr size_t kMaxMetadata = 4096;

} // namespace ks::api
