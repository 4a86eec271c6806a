#include "gate/upstream.h"

#include "rt/wait.h"

namespace ks::gate {

namespace {

constexpr Millis kFirstWait = 250; // before the second try; then twice as long

} // namespace

Upstream::Upstream(const conf::Config &config, zone::Zone &zone, rt::Loop &loop)
    : zone_(zone), loop_(loop) {
    for (const conf::SrsNode &node : config.srs_nodes) {
        apis_.try_emplace(node.name, node.api);
    }
}

const srs::Api *Upstream::api(std::string_view node) const {
    auto it = apis_.find(node);
    return it != apis_.end() ? &it->second : nullptr;
}

rt::Task<bool> Upstream::end(model::Session s) {
    const srs::Api *node = api(s.node.view());
    if (node == nullptr) {
        co_return true;
    }
    Result<void> done;
    if (!s.srs_client.empty()) {
        std::string client = s.srs_client.str();
        done = co_await node->kick(std::move(client));
    } else if (!s.upstream_resource.empty()) {
        std::string location = s.upstream_resource.str();
        done = co_await node->remove(std::move(location));
    }
    if (done) {
        co_return true;
    }
    bool refused = done.error().code == Code::upstream_unavailable;
    if (refused || done.error().code == Code::upstream_timeout) {
        zone_.nodes().failed(s.node.view(), refused, loop_.wall());
    }
    co_return false;
}

void Upstream::end_later(const model::Session &session) {
    if (!session.named() || api(session.node.view()) == nullptr ||
        pending_ >= kMaxQueue) {
        return;
    }
    pending_++;
    put({session, 0});
}

void Upstream::kick_later(std::string_view node, std::string_view client) {
    model::Session s;
    s.node.assign(node);
    s.srs_client.assign(client);
    end_later(s);
}

void Upstream::put(Job job) {
    Lane &lane = lanes_[job.session.node.str()];
    lane.queue.push_back(std::move(job));
    if (lane.running < kAtOnce) {
        lane.running++;
        loop_.spawn(work(lane));
    }
}

// Takes one after the other until there is none.
rt::Task<void> Upstream::work(Lane &lane) {
    struct Leave {
        size_t &count;
        ~Leave() { count--; }
    } leave{lane.running};
    while (!lane.queue.empty()) {
        Job job = std::move(lane.queue.front());
        lane.queue.pop_front();
        bool done = co_await end(job.session);
        if (done) {
            pending_--;
            continue;
        }
        job.tries++;
        if (job.tries >= kTries || loop_.draining()) {
            pending_--;
            loop_.log(rt::LogLevel::warn,
                      "the end of session " + job.session.id.str() +
                          " did not reach " + job.session.node.str() +
                          ": the next look at its clients ends it");
            continue;
        }
        loop_.spawn(put_later(std::move(job)));
    }
}

rt::Task<void> Upstream::put_later(Job job) {
    Millis wait = kFirstWait << job.tries;
    co_await rt::sleep_for(wait);
    put(std::move(job));
}

} // namespace ks::gate
