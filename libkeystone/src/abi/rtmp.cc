// One RTMP publish or play at the border.

#include "gate/rtmp.h"
#include "abi/text.h"
#include "abi/worker.h"

#include <exception>
#include <optional>
#include <string>

using ks::abi::str;
using ks::abi::view;
using ks::gate::RtmpVerdict;
using ks::model::EndReason;

struct ks_rtmp_s : ks::rt::Ready {
    ks_rtmp_s(ks_worker_s &worker, ks_wake_pt wake_up, ks_kick_pt kick_out,
              void *with)
        : w(worker), wake(wake_up), kick(kick_out), cookie(with),
          rtmp(*worker.access, *worker.limits, *worker.sessions, worker.loop,
               worker.config, *worker.tickets,
               [this](EndReason reason) { kicked(reason); }) {}

    ~ks_rtmp_s() override { task.destroy(); } // it refers to `rtmp`

    int begin(ks::gate::RtmpRequest request) {
        action = request.action;
        task = rtmp.ask(std::move(request));
        if (task.start()) {
            return finish();
        }
        task.on_done(this);
        return state = KS_AGAIN;
    }

    int finish() {
        try {
            verdict = task.take();
        } catch (const std::exception &e) {
            w.loop.log(ks::rt::LogLevel::err,
                       std::string("RTMP request failed: ") + e.what());
            verdict = ks::gate::refuse_rtmp(action, ks::Code::internal,
                                            "Something went wrong here.");
        }
        task.destroy();
        if (early_kick != EndReason::none && verdict.code == ks::Code::ok) {
            std::string why = "It ended before it began: ";
            why += ks::model::name(early_kick);
            verdict =
                ks::gate::refuse_rtmp(action, ks::Code::conflict, why + ".");
        }
        return state = verdict.code == ks::Code::ok ? KS_PASS : KS_ANSWER;
    }

    void fire() override {
        finish();
        wake(cookie); // may free this
    }

    // Replaced or revoked while it still waits to be let in: refused then.
    void kicked(EndReason reason) {
        if (state == KS_PASS) {
            kick(cookie, str(ks::model::name(reason))); // may free this
        } else {
            early_kick = reason;
        }
    }

    ks_worker_s &w;
    ks_wake_pt wake;
    ks_kick_pt kick;
    void *cookie;
    int state = KS_AGAIN;
    EndReason early_kick = EndReason::none;
    ks::model::Action action = ks::model::Action::publish;
    ks::gate::Rtmp rtmp;
    ks::rt::Task<RtmpVerdict> task;
    RtmpVerdict verdict;
    ks_rtmp_pass_t pass{};
    ks_rtmp_refusal_t refusal{};
    std::optional<ks::gate::RtmpRelay> target;
};

extern "C" {

int ks_rtmp_start(ks_worker_t *w, const ks_rtmp_request_t *rq, ks_wake_pt wake,
                  ks_kick_pt kick, void *cookie, ks_rtmp_t **rtmp) noexcept {
    try {
        ks::gate::RtmpRequest request;
        request.action = rq->action == KS_PUBLISH ? ks::model::Action::publish
                                                  : ks::model::Action::play;
        request.app = view(rq->app);
        request.name = view(rq->name);
        request.args = view(rq->args);
        request.client_ip = view(rq->client_ip);
        request.user_agent = view(rq->user_agent);
        request.relay = rq->relay != 0;
        auto r = std::make_unique<ks_rtmp_s>(*w, wake, kick, cookie);
        int rc = r->begin(std::move(request));
        *rtmp = r.release();
        return rc;
    } catch (const std::exception &e) {
        w->loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

int ks_rtmp_state(ks_rtmp_t *rtmp) noexcept { return rtmp->state; }

const ks_rtmp_pass_t *ks_rtmp_pass(ks_rtmp_t *rtmp) noexcept {
    rtmp->pass = {str(rtmp->verdict.stream), str(rtmp->verdict.session)};
    return &rtmp->pass;
}

const ks_rtmp_refusal_t *ks_rtmp_refusal(ks_rtmp_t *rtmp) noexcept {
    rtmp->refusal = {str(rtmp->verdict.status), str(rtmp->verdict.text)};
    return &rtmp->refusal;
}

int ks_rtmp_relay(ks_rtmp_t *rtmp, ks_rtmp_relay_t *relay) noexcept {
    try {
        rtmp->target = rtmp->rtmp.relay();
        if (!rtmp->target) {
            return KS_AGAIN;
        }
        *relay = {str(rtmp->target->node), str(rtmp->target->app),
                  str(rtmp->target->name)};
        return KS_OK;
    } catch (const std::exception &e) {
        rtmp->w.loop.log(ks::rt::LogLevel::err, e.what());
        return KS_ERROR;
    }
}

void ks_rtmp_media(ks_rtmp_t *rtmp, uint64_t bytes_in,
                   uint64_t bytes_out) noexcept {
    try {
        rtmp->rtmp.media(bytes_in, bytes_out);
    } catch (const std::exception &e) {
        rtmp->w.loop.log(ks::rt::LogLevel::err, e.what());
    }
}

void ks_rtmp_free(ks_rtmp_t *rtmp) noexcept { delete rtmp; }

} // extern "C"
