#include "api/api.h"

#include "api/cors.h"
#include "api/handlers.h"

#include "base/bytes.h"

#include <new>

namespace ks::api {

namespace {

// What every answer has.
void finish(const Context &ctx, const codec::RequestView &request,
            const Labels &labels, codec::Response &response) {
    response.add("X-Request-Id", labels.request_id.view());
    if (response.header("Cache-Control").empty()) {
        response.add("Cache-Control", "no-store");
    }
    response.add("X-Content-Type-Options", "nosniff");
    add_cors(ctx.config, request, response);
}

Labels labels_of(Context &ctx, const codec::RequestView &request) {
    Labels labels;
    std::string_view given = request.header("X-Request-Id");
    if (codec::is_request_id(given)) {
        labels.request_id.assign(given);
    } else {
        labels.request_id = ctx.request_ids.next();
    }
    return labels;
}

// application/json with or without parameters; a merge patch may say so.
bool is_json(std::string_view type, std::string_view method) {
    type = trim(type.substr(0, type.find(';')));
    return iequals(type, "application/json") ||
           (method == "PATCH" && iequals(type, "application/merge-patch+json"));
}

bool is_any_id(std::string_view text) {
    return text.size() == 26 && text[3] == '_' && is_base62(text.substr(4));
}

// Of an error that the server around us made.
Code code_for(unsigned status) {
    switch (status) {
    case 401:
        return Code::unauthorized;
    case 403:
        return Code::forbidden;
    case 404:
        return Code::not_found;
    case 405:
        return Code::method_not_allowed;
    case 411:
        return Code::length_required;
    case 412:
        return Code::precondition_failed;
    case 413:
        return Code::payload_too_large;
    case 415:
        return Code::unsupported_media_type;
    case 429:
        return Code::rate_limited;
    case 502:
        return Code::upstream_error;
    case 503:
        return Code::overloaded;
    case 504:
        return Code::upstream_timeout;
    default:
        return status < 500 ? Code::bad_request : Code::internal;
    }
}

Error too_large() {
    return Error(Code::payload_too_large, "The body has more than 64 KiB.");
}

// What can be said of the body before it is read.
std::optional<Error> check_body(const Route &route,
                                const codec::RequestView &request) {
    if (route.body == Body::none || request.body_len == 0) {
        return std::nullopt;
    }
    if (!is_json(request.header("Content-Type"), request.method)) {
        return Error(Code::unsupported_media_type,
                     "Send the body as Content-Type: application/json.");
    }
    if (request.body_len > kMaxBody) {
        return too_large();
    }
    return std::nullopt;
}

} // namespace

Api::Api(const conf::Config &config, store::Store &store, zone::Zone &zone,
         gate::Sessions &sessions, rt::Loop &loop)
    : context_(std::make_unique<Context>(config, store, zone, sessions, loop)) {
}

Api::~Api() = default;

void Api::use(gate::Hooks &hooks) { context_->hooks = &hooks; }

Step Api::begin(const codec::RequestView &request) {
    Context &ctx = *context_;
    Step step;
    step.labels = labels_of(ctx, request);
    Labels &labels = step.labels;
    auto answer = [&](codec::Response response) -> Step {
        finish(ctx, request, labels, response);
        step.response = std::move(response);
        return std::move(step);
    };
    auto refusal = [&](const Error &error) -> Step {
        return answer(problem_answer(request, labels, error));
    };

    std::string_view path = place_of(request).value_or(Place()).path;
    Match found = match(routes(), request.method, path);
    if (!found.path_known) {
        return refusal(Error(Code::not_found, "There is nothing here. The API "
                                              "lives below /v1."));
    }
    if (found.route == nullptr) {
        std::string allowed = found.allowed();
        if (is_preflight(request)) {
            return answer(preflight(ctx.config, request, allowed));
        }
        if (request.method == "OPTIONS") {
            codec::Response response = no_content();
            response.add("Allow", allowed);
            return answer(std::move(response));
        }
        codec::Response response = problem_answer(
            request, labels,
            Error(Code::method_not_allowed, "Allowed here: " + allowed + "."));
        response.add("Allow", allowed);
        return answer(std::move(response));
    }

    const Route &route = *found.route;
    Ask ask;
    ask.route = &route;
    if (route.auth == Auth::srs) {
        if (auto wrong = check_hook_secret(ctx, request)) {
            return refusal(*wrong);
        }
    } else if (route.auth != Auth::none) {
        auto who = ctx.access.verify(request.header("Authorization"));
        if (!who) {
            return refusal(who.error());
        }
        ask.who = *who;
        labels.user = who->user;
        if (route.auth == Auth::admin && !who->admin()) {
            return refusal(
                Error(Code::forbidden, "Only an administrator may do this."));
        }
    }
    if (!found.id.empty()) {
        if (!is_any_id(found.id)) {
            return answer(not_found(request, labels));
        }
        ask.id.assign(found.id);
        if (found.id.starts_with(prefix::kStream)) {
            labels.stream = ask.id;
        }
    }
    if (auto wrong = check_body(route, request)) {
        return refusal(*wrong);
    }
    if (!route.limit.empty()) {
        std::string_view who =
            ask.who.known() ? ask.who.user.view() : request.client_ip;
        auto limited = ctx.limits.hit(route.limit, who, ctx.loop.now());
        if (limited) {
            return answer(limited_answer(request, labels, *limited));
        }
    }
    if (route.fast != nullptr) {
        if (auto ready = route.fast(ctx, request, ask, labels)) {
            return answer(std::move(*ready));
        }
    }

    step.call = std::make_shared<Call>(request);
    step.call->ask = ask;
    step.call->labels = labels;
    step.call->request.request_id = labels.request_id.view();
    bool reads = route.body != Body::none && request.body_len != 0;
    step.next = reads ? Step::Next::body : Step::Next::task;
    return step;
}

rt::Task<codec::Response> Api::run(std::shared_ptr<Call> call) {
    Context &ctx = *context_;
    codec::Response response;
    std::optional<Error> failed;
    try {
        if (call->too_large) {
            failed = too_large();
        } else if (Replay::asked(*call)) {
            response = co_await ctx.replay.run(ctx, call);
        } else {
            response = co_await call->ask.route->run(ctx, *call);
        }
    } catch (const std::bad_alloc &) {
        failed = Error(Code::overloaded,
                       "Out of memory. Try again in a "
                       "moment.",
                       1);
    } catch (const std::exception &e) {
        ctx.loop.log(rt::LogLevel::err, std::string("request ") +
                                            call->labels.request_id.str() +
                                            " failed: " + e.what());
        failed = Error(Code::internal, "Something went wrong here. The "
                                       "server's log knows it by the request "
                                       "id.");
    }
    if (failed) {
        response = refuse(*call, *failed);
    }
    finish(ctx, call->request, call->labels, response);
    co_return response;
}

void Api::set_body(Call &call, std::string_view body) {
    if (static_cast<int64_t>(body.size()) > kMaxBody) {
        call.too_large = true;
        return;
    }
    call.request.body = body;
}

const Labels &Api::labels(const Call &call) { return call.labels; }

codec::Response Api::problem(const codec::RequestView &request, unsigned status,
                             std::string_view request_id) {
    Labels labels;
    if (codec::is_request_id(request_id)) {
        labels.request_id.assign(request_id);
    } else {
        labels = labels_of(*context_, request);
    }
    codec::Response response =
        problem_answer(request, labels, Error(code_for(status), std::string()));
    finish(*context_, request, labels, response);
    return response;
}

} // namespace ks::api
