#include "gate/hooks.h"

#include "codec/uri.h"
#include "gate/hosts.h"
#include "gate/open.h"

namespace ks::gate {

using model::Action;
using model::EndReason;
using model::Session;
using model::SessionState;
using srs::Event;
using srs::Hook;

namespace {

bool lives(const std::optional<Session> &s) {
    return s && s->state != SessionState::closed;
}

Error no(Code code, std::string why) { return Error(code, std::move(why)); }

} // namespace

Action Hooks::action_of(const Hook &hook) {
    return hook.event == Event::publish ? Action::publish : Action::play;
}

std::string Hooks::node_of(const Hook &hook, const std::string &named) {
    for (const conf::SrsNode &node : config_.srs_nodes) {
        if (node.name == named) {
            return named;
        }
    }
    if (!named.empty()) {
        return {};
    }
    // Copies of one configuration have one server_id, but not one run.  What is
    // remembered of a name that the configuration had before does not count.
    std::string found;
    size_t same = 0;
    for (const zone::Node &known : sessions_.zone().nodes().all()) {
        if (!(known.server_id == hook.server_id) || hook.server_id.empty() ||
            upstream_.api(known.name.view()) == nullptr) {
            continue;
        }
        if (known.service_id == hook.service_id) {
            return known.name.str();
        }
        same++;
        found = known.name.str();
    }
    if (same > 0) {
        return same == 1 ? found : "";
    }
    return config_.srs_nodes.size() == 1 ? config_.srs_nodes[0].name : "";
}

rt::Task<Result<void>> Hooks::take(Hook hook, std::string named) {
    std::string node = node_of(hook, named);
    if (node.empty()) {
        loop_.log(rt::LogLevel::err,
                  "a hook of an SRS that no srs_node names, server_id " +
                      hook.server_id +
                      ": put &node=NAME into the address of its hooks");
        co_return no(Code::forbidden, "No srs_node of the configuration is "
                                      "this one: put &node=NAME into the "
                                      "address of the hook.");
    }
    if (hook.event != Event::forward) {
        sessions_.zone().nodes().answered(node, hook.server_id, hook.service_id,
                                          loop_.wall());
        sessions_.zone().nodes().hooked(node);
    }
    switch (hook.event) {
    case Event::connect:
    case Event::publish:
    case Event::play: {
        std::string_view wrong = srs::bad_name(hook);
        Result<void> verdict;
        bool publishes = hook.event == Event::publish;
        bool webrtc = hook.needs_ticket();
        std::string client = hook.client_id;
        if (!wrong.empty()) {
            verdict =
                no(Code::invalid_request, "It has " + std::string(wrong) + ".");
        } else if (hook.event != Event::connect) {
            std::string at = node;
            verdict = co_await let_in(std::move(hook), std::move(at));
        }
        // SRS keeps the session of a WebRTC publisher that was refused, and
        // its name is taken for half a minute.
        if (!verdict && publishes && webrtc) {
            upstream_.kick_later(node, client);
        }
        co_return verdict;
    }
    case Event::close:
    case Event::unpublish:
    case Event::stop:
        gone(hook, node);
        break;
    case Event::hls:
        media(hook, node);
        break;
    case Event::dvr:
    case Event::forward:
        break;
    }
    co_return Result<void>();
}

rt::Task<Result<void>> Hooks::let_in(Hook hook, std::string node) {
    std::string ticket = codec::query_value(hook.param, kTicket).value_or("");
    if (!ticket.empty()) {
        auto verdict = co_await redeem(std::move(hook), std::move(node),
                                       std::move(ticket));
        co_return verdict;
    }
    if (hook.needs_ticket()) {
        co_return no(Code::unauthorized,
                     "WebRTC and FLV come through Keystone only.");
    }
    auto known = sessions_.table().linked(node, hook.service_id, hook.client_id,
                                          loop_.wall());
    if (known) {
        // The same once more, or so late that the client is gone by now.
        if (lives(known) && known->action == action_of(hook) &&
            known->stream_id == hook.stream) {
            co_return Result<void>();
        }
        co_return no(Code::conflict, "This client has ended.");
    }
    auto over = limited(hook);
    if (over) {
        co_return std::move(*over);
    }
    if (Hosts *hosts = sessions_.hosts()) {
        std::string service = hook.service_id;
        std::string client = hook.client_id;
        std::string at = node;
        auto theirs = co_await hosts->look_up(std::move(at), std::move(service),
                                              std::move(client));
        if (theirs && theirs->action == action_of(hook) &&
            theirs->stream_id == hook.stream) {
            co_return Result<void>(); // the same once more
        }
    }
    auto verdict = co_await ask_for(std::move(hook), std::move(node));
    co_return verdict;
}

// One-shot: the first client that shows it is the session.
rt::Task<Result<void>> Hooks::redeem(Hook hook, std::string node,
                                     std::string ticket) {
    std::optional<Session> session;
    for (const Id &id : tickets_.read(ticket)) {
        session = session ? session : sessions_.table().find(id, loop_.wall());
    }
    bool ours = session && session->host.empty();
    if (!ours && sessions_.hosts() != nullptr) {
        auto verdict = co_await redeem_elsewhere(
            std::move(hook), std::move(node), std::move(ticket));
        co_return verdict;
    }
    if (!session || session->stream_id != hook.stream ||
        session->action != action_of(hook) || session->node != node) {
        co_return no(Code::unauthorized, std::string(kNoTicket));
    }
    if (!lives(session)) {
        name_ended(session->id, hook);
        co_return no(Code::unauthorized, std::string(kNoTicket));
    }
    // A relay connects anew, as another client, for as long as its publisher
    // stays.
    if (!link(session->id, hook)) {
        co_return no(Code::token_revoked, std::string(kUsedTicket));
    }
    co_return Result<void>();
}

std::optional<Error> Hooks::limited(const Hook &hook) {
    return too_many(limits_.hit(limit::kRtmp, hook.ip, loop_.now()));
}

std::optional<Error> Hooks::too_many(const std::optional<Limited> &over) {
    if (!over) {
        return std::nullopt;
    }
    return Error(Code::rate_limited, "Too many connections from this address.",
                 over->retry_after_s);
}

// RTMP or SRT straight to SRS.
rt::Task<Result<void>> Hooks::ask_for(Hook hook, std::string node) {
    std::string credential;
    for (std::string_view key : {"key", "token"}) {
        if (credential.empty()) {
            credential = codec::query_value(hook.param, key).value_or("");
        }
    }
    Question question;
    question.action = action_of(hook);
    question.protocol = hook.protocol();
    question.stream = hook.stream;
    question.credential = credential;
    question.client_ip = hook.ip;

    Applicant who;
    who.action = question.action;
    who.protocol = question.protocol;
    who.client_ip = hook.ip;
    // SRS may go away while this waits.
    struct Opened {
        Sessions &sessions;
        rt::Loop &loop;
        Id id;
        ~Opened() {
            if (!id.empty()) {
                sessions.table().close(id, EndReason::upstream, loop.wall());
            }
        }
    } opened{sessions_, loop_, Id()};
    Arrival arrival{access_, sessions_, loop_,   nullptr, question,
                    who,     opened.id, nullptr, node};
    auto admission = co_await admit(arrival);
    if (!admission.ok()) {
        access_.unspend(admission.spent);
        std::string why = explain(admission.code, admission.stream.view());
        co_return Error(admission.code, why, admission.retry_after_s);
    }
    if (!link(opened.id, hook)) {
        access_.unspend(admission.spent);
        co_return no(Code::conflict, "The session was ended before it began.");
    }
    opened.id = Id();
    co_return Result<void>();
}

bool Hooks::link(const Id &session, const Hook &hook) {
    WallMs now = loop_.wall();
    if (!sessions_.table().claim(session, hook.service_id, hook.client_id,
                                 hook.stream_id, now)) {
        return false;
    }
    // A publisher's media are seen in what the node says of its stream; a
    // player's come as soon as it is let in.
    if (hook.event == Event::play) {
        sessions_.table().media(session, 0, 0, now);
    }
    return true;
}

// It was replaced while the node asked: who waits for its end can end it.
void Hooks::name_ended(const Id &session, const Hook &hook) {
    sessions_.table().amend(session, loop_.wall(), [&](Session &s) {
        if (s.srs_client.empty()) {
            s.srs_service.assign(hook.service_id);
            s.srs_client.assign(hook.client_id);
        }
    });
}

void Hooks::gone(const Hook &hook, const std::string &node) {
    WallMs now = loop_.wall();
    auto session =
        sessions_.table().linked(node, hook.service_id, hook.client_id, now);
    bool theirs = session && !session->host.empty();
    if ((!session || theirs) && sessions_.hosts() != nullptr) {
        if (asking_ < kMaxAsking) {
            loop_.spawn(gone_elsewhere(hook, node));
        }
        return;
    }
    if (!lives(session)) {
        return;
    }
    if (session->owner_pid != 0) {
        sessions_.table().unlink(session->id, now);
        return;
    }
    if (hook.event == Event::close && session->active_at > 0) {
        sessions_.table().media(session->id, hook.recv_bytes, hook.send_bytes,
                                now);
    }
    sessions_.table().close(session->id, EndReason::client, now);
}

void Hooks::media(const Hook &hook, const std::string &node) {
    WallMs now = loop_.wall();
    auto session =
        sessions_.table().linked(node, hook.service_id, hook.client_id, now);
    if (lives(session) && session->active_at == 0) {
        sessions_.table().media(session->id, session->bytes_in,
                                session->bytes_out, now);
    }
}

} // namespace ks::gate
