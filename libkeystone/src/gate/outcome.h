// What the gate says of an HTTP request.
#pragma once

#include "base/error.h"
#include "base/fixed.h"
#include "base/id.h"
#include "codec/http.h"

#include <memory>
#include <optional>
#include <string>

namespace ks::gate {

class EventReader;

struct Outcome {
    enum class Next : uint8_t {
        answer, // send `response`
        pass,   // go on: serve the file, or proxy
        body,   // the request's body is needed first
        stream  // send the head of `response`, then what `events` has
    };

    Next next = Next::answer;
    codec::Response response;
    std::string uri;          // pass: the uri to serve; empty: as it is
    std::string upstream_uri; // pass: path and query for the media server
    Fixed<31> node;           // pass: which media server
    std::shared_ptr<EventReader> events; // stream

    // for variables and logs
    Id stream;
    Id session;
    Code code = Code::ok;
    // A refusal whose document waits for the request's id: write_problem().
    std::optional<Error> problem;
};

// Headers that every answer of the gate has: CORS and the like.
void add_media_headers(const codec::RequestView &request,
                       codec::Response &response);

// Writes the document at once if the request has an id, else keeps it in
// `problem`: an id costs more than letting a segment pass does.
Outcome refusal(const codec::RequestView &request, Code code,
                std::string_view detail, int retry_after_s = 0,
                unsigned status = 0);
void write_problem(const codec::RequestView &request, Outcome &out);

} // namespace ks::gate
