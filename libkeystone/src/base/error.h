// What can go wrong, as api.md names it: one table for REST, the gate, RTMP,
// metrics and logs.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace ks {

// name (= the stable machine code on the wire), HTTP status, title
#define KS_CODES(X)                                                            \
    X(invalid_json, 400, "Not valid JSON")                                     \
    X(invalid_request, 422, "Invalid request")                                 \
    X(bad_request, 400, "Bad request")                                         \
    X(unauthorized, 401, "Credentials needed")                                 \
    X(token_expired, 401, "Token expired")                                     \
    X(token_revoked, 401, "Token revoked")                                     \
    X(invalid_credentials, 401, "Wrong e-mail or password")                    \
    X(forbidden, 403, "Not allowed")                                           \
    X(wrong_stream, 403, "Token belongs to another stream")                    \
    X(stream_disabled, 403, "Stream is disabled")                              \
    X(banned, 403, "Banned")                                                   \
    X(origin_not_allowed, 403, "Origin not allowed")                           \
    X(ip_not_allowed, 403, "Address not allowed")                              \
    X(registration_closed, 403, "Registration is closed")                      \
    X(not_found, 404, "Not found")                                             \
    X(not_live, 409, "Stream is not live")                                     \
    X(method_not_allowed, 405, "Method not allowed")                           \
    X(conflict, 409, "Conflict")                                               \
    X(email_taken, 409, "E-mail address is taken")                             \
    X(idempotency_mismatch, 409, "Idempotency-Key was used for another body")  \
    X(already_publishing, 409, "Stream is already being published")            \
    X(length_required, 411, "Content-Length needed")                           \
    X(precondition_failed, 412, "The resource has changed")                    \
    X(payload_too_large, 413, "Body too large")                                \
    X(unsupported_media_type, 415, "Unsupported content type")                 \
    X(weak_password, 422, "Password not acceptable")                           \
    X(invalid_sdp, 400, "Not valid SDP")                                       \
    X(unsupported_sdp, 422, "SDP not supported")                               \
    X(viewer_limit, 503, "Viewer limit reached")                               \
    X(rate_limited, 429, "Too many requests")                                  \
    X(upstream_error, 502, "Media server gave no usable answer")               \
    X(upstream_unavailable, 503, "Media server unreachable")                   \
    X(upstream_timeout, 504, "Media server too slow")                          \
    X(store_unavailable, 503, "Database unavailable")                          \
    X(overloaded, 503, "Overloaded")                                           \
    X(internal, 500, "Internal error")

enum class Code : unsigned char {
    ok = 0,
#define X(name, status, title) name,
    KS_CODES(X)
#undef X
        count_
};

// "allow" for ok, else the machine code: what $keystone_decision shows.
std::string_view code_name(Code code);
unsigned code_status(Code code);
std::string_view code_title(Code code);

struct Error {
    Code code = Code::internal;
    std::string detail;    // for the person who asked: names thing and cure
    int retry_after_s = 0; // > 0: worth trying again after that long

    Error(Code c, std::string d, int retry = 0)
        : code(c), detail(std::move(d)), retry_after_s(retry) {}
};

} // namespace ks
