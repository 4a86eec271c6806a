#include "gate/hls.h"

#include "base/bytes.h"
#include "codec/uri.h"
#include "gate/open.h"

#include <algorithm>

namespace ks::gate {

using model::Action;
using model::Protocol;

namespace {

bool digits(std::string_view s) {
    return !s.empty() && s.size() <= 20 &&
           std::all_of(s.begin(), s.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
}

// name, extension; nothing without an extension
std::optional<std::pair<std::string_view, std::string_view>>
split_extension(std::string_view file) {
    size_t dot = file.rfind('.');
    if (dot == std::string_view::npos || dot == 0) {
        return std::nullopt;
    }
    return std::pair(file.substr(0, dot), file.substr(dot + 1));
}

} // namespace

std::optional<HlsPath> parse_hls_path(std::string_view path) {
    HlsPath p;
    if (path.starts_with("t/")) {
        std::string_view rest = path.substr(2);
        size_t slash = rest.find('/');
        if (slash == std::string_view::npos || slash == 0) {
            return std::nullopt;
        }
        p.token = rest.substr(0, slash);
        path = rest.substr(slash + 1);
    }
    p.rest = path;

    size_t slash = path.find('/');
    bool nested = slash != std::string_view::npos;
    auto file = split_extension(nested ? path.substr(slash + 1) : path);
    if (!file) {
        return std::nullopt;
    }
    auto [name, extension] = *file;
    p.playlist = extension == "m3u8";
    p.flv = extension == "flv";
    if (!p.playlist && !p.flv && extension != "ts") {
        return std::nullopt;
    }
    if (nested) {
        p.stream = path.substr(0, slash);
        if (p.playlist ? name != "index" : p.flv || !digits(name)) {
            return std::nullopt;
        }
    } else if (extension == "ts") {
        size_t dash = name.rfind('-');
        if (dash == std::string_view::npos || !digits(name.substr(dash + 1))) {
            return std::nullopt;
        }
        p.stream = name.substr(0, dash);
    } else {
        p.stream = name;
    }
    if (!codec::is_stream_name(p.stream)) {
        return std::nullopt;
    }
    return p;
}

// One request, read.
struct Hls::Case {
    HlsPath path;
    std::string credential; // only when it comes from the query, decoded
    Question question;
    bool seen = false; // a viewer who is known
    bool kicked = false;
    Id session; // of FLV
    std::optional<Outcome> answer;

    bool joins() const { return path.begins() && !seen && !kicked; }
};

bool Hls::read(const codec::RequestView &request, Case &c) {
    if (request.method != "GET" && request.method != "HEAD") {
        if (request.method == "OPTIONS") {
            c.answer.emplace();
            c.answer->response.status = 204;
            add_media_headers(request, c.answer->response);
            c.answer->response.set("Access-Control-Allow-Methods",
                                   "GET, HEAD, OPTIONS");
            c.answer->response.set("Access-Control-Allow-Headers",
                                   "Authorization, Range");
            c.answer->response.set("Access-Control-Max-Age", "600");
            return false;
        }
        c.answer = refusal(request, Code::method_not_allowed,
                           "Playlists and segments are read with GET.");
        c.answer->response.set("Allow", "GET, HEAD, OPTIONS");
        return false;
    }
    auto path = parse_hls_path(request.uri.substr(request.prefix_len));
    if (!path) {
        c.answer = refusal(request, Code::not_found,
                           "This is not the address of a playlist or segment. "
                           "A playlist is STREAM.m3u8.");
        return false;
    }
    c.path = *path;
    c.question.action = Action::play;
    c.question.protocol = path->flv ? Protocol::flv : Protocol::hls;
    c.question.stream = path->stream;
    c.question.client_ip = request.client_ip;
    c.question.origin = request.header("origin");
    c.question.credential = path->token;
    if (c.question.credential.empty()) {
        c.question.credential = codec::bearer(request.header("authorization"))
                                    .value_or(std::string_view());
    }
    if (c.question.credential.empty() && !request.query.empty()) {
        c.credential = codec::query_value(request.query, "token").value_or("");
        c.question.credential = c.credential;
    }
    // Only what begins to play keeps a viewer's session: segments follow.
    // One over FLV is as long as its request.
    if (c.path.playlist) {
        auto seen = sessions_.table().touch_viewer(viewer_of(request, c), 0,
                                                   loop_.wall());
        c.seen = seen == zone::Sessions::Seen::alive;
        c.kicked = seen == zone::Sessions::Seen::kicked;
    }
    // A segment's use of the token was counted when its playlist came.
    c.question.in_session = c.seen || !c.path.begins();
    return true;
}

// A viewer is a credential, or an address and a player where none is needed.
zone::HashKey Hls::viewer_of(const codec::RequestView &request, const Case &c) {
    if (!c.question.credential.empty()) {
        return zone_.hash("viewer", c.path.stream, c.question.credential,
                          request.client_ip);
    }
    return zone_.hash("viewer", c.path.stream, request.client_ip,
                      request.header("user-agent"));
}

Outcome Hls::judge(const codec::RequestView &request, const Case &c,
                   const Decision &decision) {
    Code code = decision.verdict.code;
    if (code == Code::ok && c.kicked) {
        code = Code::banned;
    }
    // A counted token opens segments only to whom it opened the playlist.
    if (code == Code::ok && decision.token.max_uses > 0 && !c.path.begins() &&
        sessions_.table().touch_viewer(viewer_of(request, c), 0,
                                       loop_.wall()) !=
            zone::Sessions::Seen::alive) {
        code = Code::token_revoked;
    }
    Outcome out;
    if (code == Code::not_live) {
        // a playlist that is not there (api.md)
        out = refusal(request, code, explain(code, c.path.stream),
                      decision.verdict.retry_after_s, 404);
    } else if (code != Code::ok) {
        out = refusal(request, code, explain(code, c.path.stream),
                      decision.verdict.retry_after_s);
    } else {
        out.next = Outcome::Next::pass;
        out.node = decision.node;
        // On a media server: its own path, without token or query.
        if (!out.node.empty()) {
            out.upstream_uri = "/live/";
            out.upstream_uri += c.path.rest;
            if (!c.session.empty()) {
                out.upstream_uri += '?';
                out.upstream_uri += kTicket;
                out.upstream_uri += '=' + tickets_.make(c.session);
            }
        }
        out.session = c.session;
        if (!c.path.token.empty()) {
            out.uri = request.uri.substr(0, request.prefix_len);
            out.uri += c.path.rest;
        }
        add_media_headers(request, out.response);
    }
    out.code = code;
    out.stream = decision.stream.id;
    return out;
}

// A newcomer gets a session.  A zone without room for its record lets it play
// all the same.
void Hls::join(const codec::RequestView &request, Case &c, Decision &decision) {
    auto over = limits_.hit(limit::kPlay, request.client_ip, loop_.now());
    if (over) {
        decision.verdict.code = Code::rate_limited;
        decision.verdict.retry_after_s = over->retry_after_s;
        return;
    }
    Applicant who;
    who.protocol = c.question.protocol;
    who.client_ip = request.client_ip;
    who.user_agent = request.header("user-agent");
    if (c.path.flv) {
        who.node = decision.node.view();
    } else {
        who.viewer = viewer_of(request, c);
    }
    auto opened = open_session(sessions_, decision, who, loop_);
    if (opened.what == zone::Sessions::Open::limit) {
        decision.verdict.code = Code::viewer_limit;
        decision.verdict.retry_after_s = 10;
    }
    if (c.path.flv && opened.ok()) {
        c.session = opened.session;
        sessions_.table().media(c.session, 0, 0, loop_.wall());
    }
}

void Hls::ended(const Id &session) {
    sessions_.release(session, model::EndReason::client);
}

std::optional<Outcome> Hls::now(const codec::RequestView &request) {
    Case c;
    if (!read(request, c)) {
        return std::move(c.answer);
    }
    Decision decision;
    if (!access_.warm(c.question, decision)) {
        return std::nullopt;
    }
    if (decision.allowed() && c.joins()) {
        if (decision.token.max_uses > 0) {
            return std::nullopt; // its use is counted by the store
        }
        join(request, c, decision);
    }
    return judge(request, c, decision);
}

rt::Task<Outcome> Hls::later(const codec::Request &request) {
    Case c;
    if (!read(request, c)) {
        co_return std::move(*c.answer);
    }
    auto decision = co_await access_.authorize(c.question);
    if (decision.allowed() && c.joins()) {
        auto spent = co_await access_.spend(decision.token);
        if (spent) {
            decision.verdict = co_await access_.confirm(c.question);
            if (decision.allowed()) {
                join(request, c, decision);
            }
            if (!decision.allowed()) {
                access_.unspend(decision.token);
            }
        } else {
            decision.verdict.code = spent.error().code;
            decision.verdict.retry_after_s = spent.error().retry_after_s;
        }
    }
    co_return judge(request, c, decision);
}

} // namespace ks::gate
