// Publishers on a node that were let in and have not been seen to send anything
// are `connecting`; what its API says of their streams makes them active.
#include "gate/nodes.h"

#include "gate/hosts.h"

#include <algorithm>
#include <vector>

namespace ks::gate {

using model::Action;
using model::Session;
using model::SessionState;

namespace {

constexpr size_t kMediaAtOnce = 64;
// No client waits for a media server for as long.
constexpr Millis kAnswersWithin = 10 * kSecond;

} // namespace

// The node has said where it is; or it has, and the host that was told died
// before it wrote that.
bool Nodes::is_answered(const Session &s, WallMs now) {
    return !s.upstream_resource.empty() || now - s.started_at >= kAnswersWithin;
}

// Whether who publishes a stream on a node must be this session, which was its
// publisher before the node was asked.  Among several hosts it may be who
// replaces it, or whom it replaces, until the node has answered it.
rt::Task<bool> Nodes::may_guess(Id stream, Id session, bool answered) {
    Hosts *hosts = sessions_.hosts();
    if (hosts == nullptr) {
        co_return true;
    }
    bool still = false;
    if (answered) {
        still = co_await hosts->publishes(stream, session);
    }
    co_return still;
}

// Publishers that were let in and have not been seen to send anything.
rt::Task<void> Nodes::look_for_media(std::string node) {
    const srs::Api *api = upstream_.api(node);
    WallMs now = loop_.wall();
    // By streams, as there may be a thousand viewers to each.
    std::vector<Id> ids;
    sessions_.table().each_live(now, [&](const model::Live &live) {
        if (live.media_at == 0 && !live.publisher.empty() &&
            live.node == node) {
            ids.push_back(live.publisher);
        }
    });
    // All of them have their turn.
    if (ids.size() > kMediaAtOnce) {
        auto first = static_cast<size_t>(loop_.now() / kMediaEvery);
        std::rotate(ids.begin(), ids.begin() + first % ids.size(), ids.end());
    }
    std::vector<Session> waiting;
    for (const Id &id : ids) {
        auto s = sessions_.table().find(id, now);
        if (s && s->owner_pid == 0 && s->host.empty() &&
            s->state == SessionState::connecting &&
            waiting.size() < kMediaAtOnce) {
            waiting.push_back(*s);
        }
    }
    auto saw = [&](const Session &s, const srs::Stream &stream) {
        if (stream.publisher.empty() ||
            srs::stream_of(stream.url) != s.stream_id.view()) {
            return;
        }
        if (s.srs_client == stream.publisher) {
            sessions_.table().media(s.id, stream.recv_bytes, 0, loop_.wall());
        }
    };
    bool unknown = false;
    for (const Session &s : waiting) {
        if (s.srs_stream.empty()) {
            unknown = true;
            continue;
        }
        std::string id = s.srs_stream.str();
        auto found = co_await api->stream(std::move(id));
        if (found && !found->rows.empty()) {
            saw(s, found->rows[0]);
        }
    }
    if (!unknown) {
        co_return;
    }
    // Without hooks the node's own list tells who publishes.
    auto all = co_await api->streams();
    if (!all) {
        co_return;
    }
    for (Session &s : waiting) {
        for (const srs::Stream &stream : all->rows) {
            if (!s.srs_stream.empty() ||
                srs::stream_of(stream.url) != s.stream_id.view() ||
                stream.publisher.empty()) {
                continue;
            }
            bool answered = is_answered(s, now);
            bool ours = co_await may_guess(s.stream_id, s.id, answered);
            now = loop_.wall();
            auto owner = sessions_.table().linked(node, all->from.service,
                                                  stream.publisher, now);
            if (ours && !owner &&
                sessions_.table().claim(s.id, all->from.service,
                                        stream.publisher, stream.id, now)) {
                s.srs_client.assign(stream.publisher);
            }
            saw(s, stream);
        }
    }
}

} // namespace ks::gate
