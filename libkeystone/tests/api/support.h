// The API over a real SQLite store and a zone, asked as HTTP would.
#pragma once

#include "../store/support.h"

#include "api/access.h"
#include "api/api.h"
#include "codec/json.h"
#include "conf/config.h"
#include "gate/sessions.h"

#include <string>
#include <utility>
#include <vector>

namespace ks::test {

constexpr std::string_view kJwtSecret =
    "unit-test-9f2c41d07ab85e36-and-no-server";

inline conf::Config api_config() {
    conf::Config c;
    c.jwt_secrets.emplace_back(kJwtSecret);
    return c;
}

struct Answer {
    codec::Response response;
    codec::Json json;
    bool waited = false; // was not answered by begin()

    unsigned status() const { return response.status; }
    std::string_view header(std::string_view name) const {
        return response.header(name);
    }
    // Of the body; "" when it is not there.
    std::string text(std::string_view member) const {
        return json.string(member).value_or("");
    }
    std::string code() const { return text("code"); }
    // "title:required enabled:wrong_type "
    std::string wrong() const {
        std::string all;
        codec::Json errors = json["errors"];
        for (size_t i = 0; i < errors.size(); i++) {
            all += errors.at(i).string("field").value_or("?") + ":" +
                   errors.at(i).string("code").value_or("?") + " ";
        }
        return all;
    }
};

struct Ask {
    std::string method;
    std::string uri; // with the query
    std::string body = "";
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string type = "application/json";
    std::string scheme = "http";
    bool chunked = false; // no Content-Length
    std::string ip = "192.0.2.7";
    std::string location = ""; // its prefix; "": not known

    Ask &with(std::string name, std::string value) {
        headers.emplace_back(std::move(name), std::move(value));
        return *this;
    }
    Ask &as(const std::string &token) {
        return token.empty() ? *this : with("Authorization", "Bearer " + token);
    }
};

// Puts a request to `api` and turns the loop until it is answered.
inline Answer ask_of(Runner &runner, api::Api &api, const Ask &a) {
    size_t mark = a.uri.find('?');
    std::string path = a.uri.substr(0, mark);
    std::string query = mark == std::string::npos ? "" : a.uri.substr(mark + 1);
    codec::RequestView v;
    v.method = a.method;
    v.uri = path;
    v.query = query;
    v.prefix_len = a.location.size();
    v.client_ip = a.ip;
    v.scheme = a.scheme;
    v.body_len = a.chunked ? -1 : static_cast<int64_t>(a.body.size());
    v.add_header("Host", "127.0.0.1:8080");
    if (!a.body.empty() && !a.type.empty()) {
        v.add_header("Content-Type", a.type);
    }
    for (const auto &[name, value] : a.headers) {
        v.add_header(name, value);
    }
    api::Step step = api.begin(v);
    Answer out;
    if (step.next == api::Step::Next::answer) {
        out.response = std::move(step.response);
    } else {
        out.waited = true;
        if (step.next == api::Step::Next::body) {
            api::Api::set_body(*step.call, a.body);
        }
        out.response = runner.run(api.run(step.call));
    }
    if (!out.response.body.empty()) {
        auto parsed = codec::parse_json(out.response.body);
        assert_true(parsed.ok());
        out.json = *parsed;
    }
    return out;
}

struct ApiWorld : StoreWorld {
    conf::Config config;
    gate::Sessions sessions;
    api::Api api;

    explicit ApiWorld(conf::Config c = api_config())
        : config(std::move(c)), sessions(memory.zone(), store.get(), loop),
          api(config, *store, memory.zone(), sessions, loop) {}

    zone::Zone &zone() { return memory.zone(); }
    zone::Sessions table() { return zone::Sessions(memory.zone()); }

    Answer ask(const Ask &a) { return ask_of(*this, api, a); }
    Answer get(std::string uri, const std::string &token = "") {
        return ask(Ask{"GET", std::move(uri)}.as(token));
    }
    Answer post(std::string uri, std::string body,
                const std::string &token = "") {
        return ask(Ask{"POST", std::move(uri), std::move(body)}.as(token));
    }
    Answer patch(std::string uri, std::string body, const std::string &token) {
        return ask(Ask{"PATCH", std::move(uri), std::move(body)}.as(token));
    }
    Answer remove(std::string uri, const std::string &token) {
        return ask(Ask{"DELETE", std::move(uri)}.as(token));
    }

    // An access token without the price of a password.
    std::string token_of(const model::User &user) {
        return api::Access(config, loop).issue(user, Id());
    }
    // Of a new user; the first one is the admin.
    std::string new_user(std::string email) {
        return token_of(user(std::move(email)));
    }

    // A publisher of this worker, as the gate opens it.
    model::Session publish(std::string_view stream, std::string_view token) {
        model::StreamFacts facts;
        facts.id.assign(stream);
        facts.exists = facts.enabled = true;
        facts.reconnect_window_seconds = 30;
        model::Session s;
        s.id = make_id(prefix::kSession, host.entropy());
        s.stream_id = facts.id;
        s.token_id.assign(token);
        s.action = model::Action::publish;
        s.protocol = model::Protocol::rtmp;
        s.started_at = host.wall();
        s.owner_pid = getpid();
        auto opened = table().open_publisher(s, facts, Id(), host.wall());
        assert_true(opened.ok());
        return s;
    }
    void media(const model::Session &s) {
        assert_true(table().media(s.id, 1000, 0, host.wall()));
    }
};

// Hears the kicks of one session.
struct Kicked : gate::Holder {
    model::EndReason reason = model::EndReason::none;
    void kick(model::EndReason why) override { reason = why; }
};

} // namespace ks::test
