#include "api/answer.h"

#include "codec/problem.h"

namespace ks::api {

codec::Response json_answer(unsigned status, std::string body) {
    codec::Response response;
    response.headers.reserve(8);
    response.status = status;
    response.body = std::move(body);
    response.add("Content-Type", "application/json");
    return response;
}

codec::Response no_content() {
    codec::Response response;
    response.status = 204;
    return response;
}

codec::Response problem_answer(const codec::RequestView &request,
                               Labels &labels, const Error &error,
                               std::span<const codec::FieldError> wrong) {
    labels.code = error.code;
    codec::Response response;
    response.status = code_status(error.code);
    response.body =
        codec::problem(error, request.uri, labels.request_id.view(), wrong);
    response.add("Content-Type", codec::kProblemType);
    if (response.status == 401) {
        bool wrong_token = error.code == Code::token_expired ||
                           error.code == Code::token_revoked ||
                           (error.code == Code::unauthorized &&
                            !request.header("Authorization").empty());
        response.add("WWW-Authenticate",
                     wrong_token
                         ? "Bearer realm=\"keystone\", error=\"invalid_token\""
                         : "Bearer realm=\"keystone\"");
    }
    int retry = error.retry_after_s;
    if (retry == 0 && response.status == 503) {
        retry = 1;
    }
    if (retry > 0) {
        response.add("Retry-After", std::to_string(retry));
    }
    return response;
}

codec::Response refuse_fields(Call &call,
                              std::span<const codec::FieldError> wrong) {
    Error error = codec::invalid_fields(wrong);
    return refuse(call, error, wrong);
}

codec::Response limited_answer(const codec::RequestView &request,
                               Labels &labels, const gate::Limited &limited) {
    codec::Response response = problem_answer(
        request, labels,
        Error(Code::rate_limited, "Too many of these requests. Wait " +
                                      std::to_string(limited.retry_after_s) +
                                      " s."));
    gate::add_limit_headers(limited, response);
    return response;
}

codec::Response not_found(const codec::RequestView &request, Labels &labels) {
    return problem_answer(request, labels,
                          Error(Code::not_found, std::string(kNoSuch)));
}

} // namespace ks::api
