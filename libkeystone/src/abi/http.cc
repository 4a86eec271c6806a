// One HTTP request at the border: which room answers it, and what it waits for.

#include "abi/answer.h"
#include "abi/text.h"
#include "abi/worker.h"
#include "codec/problem.h"
#include "gate/rtc.h"
#include "ops/health.h"
#include "ops/metrics.h"

#include <ctime>
#include <exception>
#include <new>
#include <optional>

using ks::Code;
using ks::Id;
using ks::abi::str;
using ks::abi::view;
using ks::codec::Request;
using ks::codec::RequestView;
using ks::codec::Response;
using ks::gate::Outcome;
using ks::rt::Task;

namespace {

int64_t clock_us() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return int64_t{t.tv_sec} * 1000000 + t.tv_nsec / 1000;
}

RequestView read_request(const ks_http_request_t &rq) {
    RequestView r;
    r.method = view(rq.method);
    r.uri = view(rq.uri);
    r.prefix_len = std::min(rq.prefix_len, rq.uri.len);
    r.query = view(rq.query);
    r.client_ip = view(rq.client_ip);
    r.scheme = view(rq.scheme);
    r.body_len = rq.body_len;
    for (size_t i = 0; i < rq.nheaders; i++) {
        r.add_header(view(rq.headers[i].name), view(rq.headers[i].value));
    }
    return r;
}

Response plain_text(std::string body, std::string_view type) {
    Response r;
    r.set("Content-Type", type);
    r.set("Cache-Control", "no-store");
    r.body = std::move(body);
    return r;
}

} // namespace

// Owns the work of one request.  Being a Ready, it is what its task queues
// when it has ended; then the host is woken.
struct ks_http_s : ks::rt::Ready {
    ks_http_s(ks_worker_s &worker, ks_room_t where, ks_wake_pt wake_up,
              void *with)
        : w(worker), room(where), wake(wake_up), cookie(with),
          started_us(clock_us()) {}

    ~ks_http_s() override {
        // what waits refers to the request and to the Rtc: it goes first
        api_task.destroy();
        gate_task.destroy();
        if (room == KS_ROOM_HLS && !session.empty()) {
            w.hls->ended(session);
        }
    }

    int begin(RequestView &r);
    int begin_api(const RequestView &r);
    int begin_rtc(RequestView &r);
    int begin_hls(RequestView &r);
    std::string_view id();
    int take_body(std::string_view body);
    int upstream(const ks_http_upstream_t &up);
    int next(ks_str_t *piece_out);

    int answer(Response r) {
        response = std::move(r);
        if (!request_id.empty()) {
            response.set("X-Request-Id", request_id.view());
        }
        return state = KS_ANSWER;
    }
    int outcome(Outcome out);
    int start(Task<Response> task);
    int start(Task<Outcome> task);
    int finish();
    void fire() override;

    ks_worker_s &w;
    ks_room_t room;
    ks_wake_pt wake;
    void *cookie;
    int state = KS_AGAIN;
    bool head = false;
    bool counted = false;
    int64_t started_us;

    std::unique_ptr<Request> request; // once something waits
    std::shared_ptr<ks::api::Call> call;
    std::unique_ptr<ks::gate::Rtc> rtc;
    Task<Response> api_task;
    Task<Outcome> gate_task;

    std::shared_ptr<ks::gate::EventReader> events; // KS_STREAM
    std::string piece;

    Response response;
    std::string uri;
    std::string upstream_uri;
    ks::Fixed<31> node;
    ks::Fixed<64> request_id;
    Id stream;
    Id session;
    Id user;
    Code code = Code::ok;

    ks_answer_memory memory;
    ks_http_pass_t pass{};
    ks_http_log_t log{};
};

int ks_http_s::begin(RequestView &r) {
    head = r.method == "HEAD";
    switch (room) {
    case KS_ROOM_API:
        return begin_api(r);
    case KS_ROOM_RTC:
    case KS_ROOM_HLS: {
        std::string_view given = r.header("x-request-id");
        if (ks::codec::is_request_id(given)) {
            request_id.assign(given);
        }
        return room == KS_ROOM_RTC ? begin_rtc(r) : begin_hls(r);
    }
    case KS_ROOM_HEALTH:
        return answer(
            r.uri.ends_with("/readyz")
                ? ks::ops::readyz(w.config, *w.store, w.zone, w.loop.wall())
                : ks::ops::healthz());
    case KS_ROOM_METRICS:
        return answer(
            plain_text(ks::ops::metrics(w.zone, *w.store, w.loop.wall()),
                       "text/plain; version=0.0.4; charset=utf-8"));
    }
    return KS_ERROR;
}

int ks_http_s::begin_api(const RequestView &r) {
    ks::api::Step step = w.api->begin(r);
    request_id = step.labels.request_id;
    user = step.labels.user;
    stream = step.labels.stream;
    code = step.labels.code;
    call = std::move(step.call);
    switch (step.next) {
    case ks::api::Step::Next::answer:
        return answer(std::move(step.response));
    case ks::api::Step::Next::body:
        return state = KS_BODY;
    case ks::api::Step::Next::task:
        return start(w.api->run(call));
    }
    return KS_ERROR;
}

// Made when it is asked for: a segment that passes needs none.
std::string_view ks_http_s::id() {
    if (request_id.empty()) {
        request_id.assign(ks::make_id("", w.loop.entropy()).view());
    }
    return request_id.view();
}

int ks_http_s::begin_rtc(RequestView &r) {
    r.request_id = id();
    request = std::make_unique<Request>(r);
    rtc = std::make_unique<ks::gate::Rtc>(w.config, *w.access, *w.limits,
                                          *w.sessions, *w.upstream, *w.tickets,
                                          *w.events, w.loop);
    return start(rtc->head(*request));
}

int ks_http_s::begin_hls(RequestView &r) {
    r.request_id = request_id.view();
    std::optional<Outcome> now = w.hls->now(r);
    if (now) {
        if (now->problem) {
            r.request_id = id();
            ks::gate::write_problem(r, *now);
        }
        return outcome(std::move(*now));
    }
    r.request_id = id();
    request = std::make_unique<Request>(r);
    return start(w.hls->later(*request));
}

int ks_http_s::take_body(std::string_view body) {
    if (room == KS_ROOM_API) {
        ks::api::Api::set_body(*call, body);
        return start(w.api->run(call));
    }
    request->body = body;
    return start(rtc->body(*request));
}

int ks_http_s::upstream(const ks_http_upstream_t &up) {
    if (!rtc) {
        // a file, or the media server's own HLS: the headers of outcome()
        answer(std::move(response));
        return state = KS_PASS;
    }
    ks::gate::UpstreamHead upstream_head;
    upstream_head.status = up.status;
    upstream_head.connected = up.connected != 0;
    upstream_head.answered = up.answered != 0;
    upstream_head.content_type = view(up.content_type);
    upstream_head.location = view(up.location);
    Outcome out = rtc->upstream(*request, upstream_head);
    if (out.next != Outcome::Next::pass) {
        return outcome(std::move(out));
    }
    session = out.session;
    answer(std::move(out.response));
    return state = KS_PASS;
}

int ks_http_s::outcome(Outcome out) {
    if (!out.stream.empty()) {
        stream = out.stream;
    }
    if (!out.session.empty()) {
        session = out.session;
    }
    code = out.code;
    switch (out.next) {
    case Outcome::Next::answer:
        return answer(std::move(out.response));
    case Outcome::Next::body:
        return state = KS_BODY;
    case Outcome::Next::pass:
        uri = std::move(out.uri);
        upstream_uri = std::move(out.upstream_uri);
        node = out.node;
        response = std::move(out.response);
        return state = KS_PASS;
    case Outcome::Next::stream:
        events = std::move(out.events);
        answer(std::move(out.response));
        return state = KS_STREAM;
    }
    return KS_ERROR;
}

int ks_http_s::next(ks_str_t *piece_out) {
    using Next = ks::gate::EventReader::Next;
    switch (events->next(&piece, *this)) {
    case Next::piece:
        *piece_out = str(piece);
        return KS_OK;
    case Next::wait:
        return KS_AGAIN;
    case Next::end:
        break;
    }
    return KS_END;
}

int ks_http_s::start(Task<Response> task) {
    api_task = std::move(task);
    if (api_task.start()) {
        return finish();
    }
    api_task.on_done(this);
    return state = KS_AGAIN;
}

int ks_http_s::start(Task<Outcome> task) {
    gate_task = std::move(task);
    if (gate_task.start()) {
        return finish();
    }
    gate_task.on_done(this);
    return state = KS_AGAIN;
}

// The task has ended: what it says is the state now.
int ks_http_s::finish() {
    try {
        if (gate_task) {
            Outcome out = gate_task.take();
            gate_task.destroy();
            return outcome(std::move(out));
        }
        Response r = api_task.take();
        api_task.destroy();
        const ks::api::Labels &labels = ks::api::Api::labels(*call);
        stream = labels.stream;
        user = labels.user;
        code = labels.code;
        return answer(std::move(r));
    } catch (const std::exception &e) {
        w.loop.log(ks::rt::LogLevel::err,
                   std::string("request failed: ") + e.what());
        code = Code::internal;
        constexpr std::string_view kSorry =
            "Something went wrong here. It has been logged.";
        if (request) {
            Outcome out = ks::gate::refusal(*request, code, kSorry);
            return answer(std::move(out.response));
        }
        ks::Error error(code, std::string(kSorry));
        Response r;
        r.status = 500;
        r.set("Content-Type", ks::codec::kProblemType);
        r.body = ks::codec::problem(error, "", request_id.view());
        return answer(std::move(r));
    }
}

void ks_http_s::fire() {
    if (state != KS_STREAM) {
        finish();
    }
    wake(cookie); // may free this
}

extern "C" {

int ks_http_start(ks_worker_t *w, const ks_http_request_t *rq, ks_wake_pt wake,
                  void *cookie, ks_http_t **http) noexcept {
    try {
        auto h = std::make_unique<ks_http_s>(*w, rq->room, wake, cookie);
        RequestView view = read_request(*rq);
        int rc = h->begin(view);
        if (rc != KS_ERROR) {
            *http = h.release();
        }
        return rc;
    } catch (const std::exception &e) {
        w->loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

int ks_http_state(ks_http_t *http) noexcept { return http->state; }

int ks_http_body(ks_http_t *http, ks_str_t body) noexcept {
    try {
        return http->take_body(view(body));
    } catch (const std::exception &e) {
        http->w.loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

int ks_http_next(ks_http_t *http, ks_str_t *piece) noexcept {
    try {
        return http->state == KS_STREAM ? http->next(piece) : KS_ERROR;
    } catch (const std::exception &e) {
        http->w.loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

const ks_http_answer_t *ks_http_answer(ks_http_t *http) noexcept {
    try {
        return http->memory.show(http->response, http->head);
    } catch (const std::exception &) {
        static const ks_http_answer_t kNothing = {500, nullptr, 0, {}, 0};
        return &kNothing;
    }
}

const ks_http_pass_t *ks_http_pass(ks_http_t *http) noexcept {
    http->pass = {str(http->uri), str(http->upstream_uri),
                  str(http->node.view())};
    return &http->pass;
}

const ks_http_log_t *ks_http_log(ks_http_t *http) noexcept {
    // a client may leave before there is a decision
    bool open = http->state == KS_AGAIN || http->state == KS_BODY;
    try {
        if (http->room == KS_ROOM_RTC || http->room == KS_ROOM_HLS) {
            http->id();
        }
    } catch (const std::exception &) {
        // no memory: a line without an id
    }
    http->log = {str(http->stream.view()), str(http->session.view()),
                 str(http->user.view()),
                 str(open ? "" : ks::code_name(http->code)),
                 str(http->request_id.view())};
    return &http->log;
}

int ks_http_upstream(ks_http_t *http, const ks_http_upstream_t *up) noexcept {
    try {
        return http->upstream(*up);
    } catch (const std::exception &e) {
        http->w.loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

const ks_http_answer_t *ks_http_problem(ks_worker_t *w, ks_http_t *http,
                                        const ks_http_request_t *rq,
                                        unsigned status) noexcept {
    try {
        RequestView view = read_request(*rq);
        std::string_view id;
        if (http != nullptr) {
            id = http->request_id.view();
        }
        w->problem = w->api->problem(view, status, id);
        if (rq->room != KS_ROOM_API) {
            ks::gate::add_media_headers(view, w->problem);
        }
        return w->problem_memory.show(w->problem, view.method == "HEAD");
    } catch (const std::exception &) {
        return nullptr; // nginx's own page is better than none
    }
}

void ks_http_done(ks_http_t *http, unsigned status, int64_t) noexcept {
    if (http->counted) {
        return;
    }
    http->counted = true;
    auto room = static_cast<ks::zone::Room>(http->room);
    ks::zone::Counters &counters = http->w.zone.counters();
    counters.answered(room, status);
    // how long somebody listened says nothing of how quick we are
    if (http->room <= KS_ROOM_HLS && http->state != KS_STREAM) {
        auto timer = static_cast<ks::zone::Timer>(http->room);
        counters.timer(timer).observe(clock_us() - http->started_us);
    }
}

void ks_http_free(ks_http_t *http) noexcept { delete http; }

} // extern "C"
