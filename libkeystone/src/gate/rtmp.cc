#include "gate/rtmp.h"

#include "codec/uri.h"
#include "gate/open.h"
#include "gate/placement.h"

namespace ks::gate {

using model::Action;
using model::EndReason;

namespace {

constexpr size_t kMaxArgs = 1024; // FFmpeg cuts RTMP addresses near 1 KiB
constexpr std::string_view kRelayApp = "live"; // as for WHIP and WHEP

// The credential: ?key= or ?token= behind the name, or the name itself.
struct Named {
    std::string stream;
    std::string credential;
};

Named read_name(const RtmpRequest &request) {
    Named named;
    std::string_view name = request.name;
    std::string_view args = request.args;
    size_t mark = name.find('?');
    if (mark != std::string_view::npos) {
        if (args.empty()) {
            args = name.substr(mark + 1);
        }
        name = name.substr(0, mark);
    }
    if (args.size() <= kMaxArgs) {
        for (std::string_view key : {"key", "token"}) {
            if (named.credential.empty()) {
                named.credential = codec::query_value(args, key).value_or("");
            }
        }
    }
    if (named.credential.empty() && name.starts_with("ks_")) {
        named.credential = name; // the key names its stream
    } else {
        named.stream = name;
    }
    return named;
}

} // namespace

RtmpVerdict refuse_rtmp(Action action, Code code, std::string_view text) {
    RtmpVerdict v;
    v.code = code;
    v.status = action == Action::publish ? "NetStream.Publish.BadName"
                                         : "NetStream.Play.Failed";
    v.text = std::string(code_name(code)) + ": " + std::string(text);
    return v;
}

Rtmp::Rtmp(Access &access, Limits &limits, Sessions &sessions, rt::Loop &loop,
           const conf::Config &config, const Tickets &tickets,
           std::function<void(EndReason)> on_kick)
    : access_(access), limits_(limits), sessions_(sessions), loop_(loop),
      config_(config), tickets_(tickets), on_kick_(std::move(on_kick)) {}

Rtmp::~Rtmp() {
    if (!session_.empty()) {
        sessions_.release(session_, end_);
    }
}

void Rtmp::kick(EndReason reason) {
    end_ = reason;
    on_kick_(reason);
}

void Rtmp::media(uint64_t bytes_in, uint64_t bytes_out) {
    if (!session_.empty()) {
        sessions_.table().media(session_, static_cast<int64_t>(bytes_in),
                                static_cast<int64_t>(bytes_out), loop_.wall());
    }
}

// Every attempt is placed anew: a node that went down, or was drained, loses
// its streams to others as their relays break.
std::optional<RtmpRelay> Rtmp::relay() {
    if (!relays_ || session_.empty()) {
        return std::nullopt;
    }
    Decision decision;
    decision.stream.id = stream_;
    decision.node = node_;
    std::string_view node =
        place(config_, sessions_.zone(), decision, Action::publish);
    if (node.empty()) {
        return std::nullopt;
    }
    if (!(node_ == node)) {
        if (!sessions_.table().move(session_, node, loop_.wall())) {
            return std::nullopt;
        }
        node_.assign(node);
    }
    std::string ticket = tickets_.make(session_);
    if (ticket.empty()) {
        return std::nullopt;
    }
    RtmpRelay target;
    target.node = node_.str();
    target.app = kRelayApp;
    target.name = stream_.str();
    target.name.append("?").append(kTicket).append("=").append(ticket);
    return target;
}

rt::Task<RtmpVerdict> Rtmp::ask(RtmpRequest request) {
    auto over = limits_.hit(limit::kRtmp, request.client_ip, loop_.now());
    if (over) {
        co_return refuse_rtmp(
            request.action, Code::rate_limited,
            "Too many connections from this address. Try again "
            "in a moment.");
    }
    Named named = read_name(request);
    Question question;
    question.action = request.action;
    question.protocol = model::Protocol::rtmp;
    question.stream = named.stream;
    question.credential = named.credential;
    question.client_ip = request.client_ip;

    Applicant who;
    who.client_ip = request.client_ip;
    who.user_agent = request.user_agent;
    who.protocol = model::Protocol::rtmp;
    who.action = request.action;
    who.owner_pid = sessions_.pid();
    relays_ = request.relay && request.action == Action::publish;
    const conf::Config *nodes = relays_ ? &config_ : nullptr;
    Arrival arrival{access_,  sessions_, loop_,    nodes,
                    question, who,       session_, this};
    auto admission = co_await admit(arrival);
    if (!admission.ok()) {
        access_.unspend(admission.spent);
        if (!session_.empty()) {
            sessions_.release(session_, EndReason::revoked);
            session_ = Id();
        }
        co_return refuse_rtmp(request.action, admission.code,
                              explain(admission.code, admission.stream.view()));
    }
    stream_ = admission.stream;
    node_ = admission.node;
    RtmpVerdict verdict;
    verdict.code = Code::ok;
    verdict.stream = admission.stream.str();
    verdict.session = session_.str();
    co_return verdict;
}

} // namespace ks::gate
