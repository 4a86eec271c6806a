#include "srs/hook.h"

#include "codec/json.h"
#include "codec/uri.h"

#include <algorithm>

namespace ks::srs {

namespace {

constexpr std::string_view kEvents[] = {
    "on_connect", "on_close", "on_publish", "on_unpublish", "on_play",
    "on_stop",    "on_dvr",   "on_hls",     "on_forward"};

constexpr std::string_view kApp = "live";
constexpr std::string_view kVhost = "__defaultVhost__";

bool has_stream(Event e) { return e != Event::connect && e != Event::close; }

// It goes into the log.
bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

} // namespace

std::optional<Event> parse_event(std::string_view word) {
    for (size_t i = 0; i < std::size(kEvents); i++) {
        if (word == kEvents[i]) {
            return static_cast<Event>(i);
        }
    }
    return std::nullopt;
}

std::string_view name(Event event) {
    return kEvents[static_cast<size_t>(event)];
}

model::Protocol Hook::protocol() const {
    using model::Protocol;
    bool plays = event == Event::play || event == Event::stop;
    if (tc_url.starts_with("srt://")) {
        return Protocol::srt;
    }
    if (tc_url.empty() || tc_url.starts_with("webrtc://")) {
        return plays ? Protocol::whep : Protocol::whip;
    }
    if (tc_url.starts_with("http://") || tc_url.starts_with("https://")) {
        return Protocol::hls;
    }
    // its HTTP server makes one up for FLV; a client's names a host
    if (plays && tc_url.find("://__defaultVhost__/") != std::string::npos) {
        return Protocol::flv;
    }
    return Protocol::rtmp;
}

bool Hook::needs_ticket() const {
    using model::Protocol;
    Protocol p = protocol();
    return p != Protocol::rtmp && p != Protocol::srt;
}

Result<Hook> read_hook(std::string_view body, std::optional<Event> event) {
    auto json = codec::parse_json(body);
    if (!json) {
        return std::move(json.error());
    }
    auto text = [&](std::string_view key) {
        return json->string(key).value_or("");
    };
    auto action = parse_event(text("action"));
    if (!action || (event && *event != *action)) {
        return Error(Code::invalid_request,
                     "\"action\" is not the event of this hook.");
    }
    Hook h;
    h.event = *action;
    h.server_id = text("server_id");
    h.service_id = text("service_id");
    h.client_id = text("client_id");
    h.ip = text("ip");
    h.vhost = text("vhost");
    h.app = text("app");
    h.stream = text("stream");
    h.param = text("param");
    h.tc_url = text("tcUrl");
    h.stream_url = text("stream_url");
    h.stream_id = text("stream_id");
    h.send_bytes = json->integer("send_bytes").value_or(0);
    h.recv_bytes = json->integer("recv_bytes").value_or(0);
    if (h.param.starts_with('?')) {
        h.param.erase(0, 1);
    }
    // they become keys of ours and parts of a path towards the node
    if (!codec::is_stream_name(h.client_id) || h.client_id.size() > 15 ||
        (h.event != Event::forward &&
         (!codec::is_stream_name(h.service_id) || h.service_id.size() > 15)) ||
        h.server_id.size() > 63 || has_control(h.server_id)) {
        return Error(Code::invalid_request,
                     "client_id, service_id or server_id is missing or not "
                     "one of SRS's.");
    }
    return h;
}

std::string_view bad_name(const Hook &h) {
    if (h.vhost != kVhost) {
        return "another vhost than __defaultVhost__";
    }
    if (h.app != kApp) {
        return "another app than live";
    }
    if (!has_stream(h.event)) {
        return {};
    }
    if (!codec::is_stream_name(h.stream)) {
        return "a name that is not 1 to 64 letters, digits, _ and -";
    }
    if (h.stream_url != "/live/" + h.stream) {
        return "a name that SRS reads as another one";
    }
    return {};
}

} // namespace ks::srs
