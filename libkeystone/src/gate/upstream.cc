#include "gate/upstream.h"

#include "rt/wait.h"

namespace ks::gate {

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
    bool known =
        !session.srs_client.empty() || !session.upstream_resource.empty();
    if (!known || session.node.empty() || queue_.size() >= kMaxQueue) {
        return;
    }
    queue_.push_back({session, 0, 0});
    start_one();
}

void Upstream::kick_later(std::string_view node, std::string_view client) {
    model::Session s;
    s.node.assign(node);
    s.srs_client.assign(client);
    end_later(s);
}

void Upstream::start_one() {
    if (running_ < kAtOnce) {
        running_++;
        loop_.spawn(work());
    }
}

// Takes one after the other until there is none.
rt::Task<void> Upstream::work() {
    struct Leave {
        size_t &count;
        ~Leave() { count--; }
    } leave{running_};
    while (!queue_.empty()) {
        Job job = std::move(queue_.front());
        queue_.pop_front();
        Millis wait = job.due - loop_.now();
        if (wait > 0) {
            co_await rt::sleep_for(wait);
        }
        bool done = co_await end(job.session);
        if (done) {
            continue;
        }
        job.tries++;
        if (job.tries >= kTries || loop_.draining()) {
            loop_.log(rt::LogLevel::warn,
                      "the end of session " + job.session.id.str() +
                          " did not reach " + job.session.node.str() +
                          ": the next look at its clients ends it");
            continue;
        }
        job.due = loop_.now() + (Millis{250} << job.tries);
        queue_.push_back(std::move(job));
    }
}

} // namespace ks::gate
