#include "srs/api.h"

#include "codec/json.h"
#include "codec/uri.h"
#include "rt/wait.h"

namespace ks::srs {

namespace {

using codec::Json;

// Longer ones are read on a thread: 4 KiB take 30 us, 4 MiB would stop the loop.
constexpr size_t kShort = 64 * 1024;
// A list of all there are, and its length.
constexpr size_t kMaxRows = 20000;
constexpr size_t kMaxList = size_t{16} << 20;

Error not_srs() {
    return Error(Code::upstream_error, "the answer is not one of SRS's API", 2);
}

Result<Json> envelope(std::string_view body, Identity *from) {
    auto json = codec::parse_json(body);
    if (!json || !json->is_object() || json->integer("code") != 0) {
        return not_srs();
    }
    from->server = json->string("server").value_or("");
    from->service = json->string("service").value_or("");
    // a longer one could not be compared with what a session keeps of it
    if (from->service.empty() || from->service.size() > 15) {
        return not_srs();
    }
    return json;
}

Client client_row(const Json &row) {
    Client c;
    c.id = row.string("id").value_or("");
    c.url = row.string("url").value_or("");
    c.name = row.string("name").value_or("");
    c.type = row.string("type").value_or("");
    c.ip = row.string("ip").value_or("");
    c.publish = row.boolean("publish").value_or(false);
    c.alive = row["alive"].as_real().value_or(0);
    c.send_bytes = row.integer("send_bytes").value_or(0);
    c.recv_bytes = row.integer("recv_bytes").value_or(0);
    return c;
}

Stream stream_row(const Json &row) {
    Stream s;
    s.id = row.string("id").value_or("");
    s.url = row.string("url").value_or("");
    s.recv_bytes = row.integer("recv_bytes").value_or(0);
    Json publish = row["publish"];
    if (publish.boolean("active").value_or(false)) {
        s.publisher = publish.string("cid").value_or("");
    }
    return s;
}

template <class T> using Read = Result<T> (*)(std::string_view);

template <class T> rt::Task<Result<T>> asked(net::HttpAsk ask, Read<T> read) {
    auto answer = co_await net::http_call(std::move(ask));
    if (!answer) {
        co_return std::move(answer.error());
    }
    if (answer->status != 200) {
        co_return Error(Code::upstream_error,
                        "its API answers " + std::to_string(answer->status), 2);
    }
    if (answer->body.size() <= kShort) {
        co_return read(answer->body);
    }
    auto on_thread = [body = std::move(answer->body), read] {
        return read(body);
    };
    auto done = co_await rt::offload(rt::Pool::store, std::move(on_thread));
    if (!done) {
        co_return std::move(done.error());
    }
    co_return std::move(*done);
}

Result<int64_t> code_of(std::string_view body) {
    int64_t code = read_code(body);
    if (code < 0) {
        return not_srs();
    }
    return code;
}

} // namespace

std::string_view stream_of(std::string_view url) {
    constexpr std::string_view kApp = "/live/";
    if (!url.starts_with(kApp)) {
        return {};
    }
    std::string_view name = url.substr(kApp.size());
    return is_id(prefix::kStream, name) ? name : std::string_view();
}

bool is_type(std::string_view type, model::Protocol protocol,
             model::Action action) {
    using model::Protocol;
    bool publishes = action == model::Action::publish;
    switch (protocol) {
    case Protocol::whip:
        return type == "rtc-publish";
    case Protocol::whep:
        return type == "rtc-play";
    case Protocol::srt:
        return type == (publishes ? "srt-publish" : "srt-play");
    case Protocol::flv:
        return type == "flv-play";
    case Protocol::rtmp: // publishers by the way they say it
        return publishes ? type.ends_with("-publish") : type == "rtmp-play";
    case Protocol::hls:
        return false;
    }
    return false;
}

Result<Identity> read_identity(std::string_view body) {
    Identity from;
    auto json = envelope(body, &from);
    if (!json) {
        return std::move(json.error());
    }
    return from;
}

Result<Clients> read_clients(std::string_view body) {
    Clients all;
    auto json = envelope(body, &all.from);
    if (!json) {
        return std::move(json.error());
    }
    Json rows = (*json)["clients"];
    if (!rows.is_array()) {
        return not_srs();
    }
    all.rows.reserve(rows.size());
    for (size_t i = 0; i < rows.size(); i++) {
        all.rows.push_back(client_row(rows.at(i)));
    }
    all.whole = rows.size() < kMaxRows;
    return all;
}

Result<Streams> read_streams(std::string_view body) {
    Streams all;
    if (read_code(body) == kNoSuchStream) {
        return all;
    }
    auto json = envelope(body, &all.from);
    if (!json) {
        return std::move(json.error());
    }
    Json one = (*json)["stream"];
    if (one.is_object()) {
        all.rows.push_back(stream_row(one));
        return all;
    }
    Json rows = (*json)["streams"];
    if (!rows.is_array()) {
        return not_srs();
    }
    all.rows.reserve(rows.size());
    for (size_t i = 0; i < rows.size(); i++) {
        all.rows.push_back(stream_row(rows.at(i)));
    }
    return all;
}

int64_t read_code(std::string_view body) {
    auto json = codec::parse_json(body);
    return json ? json->integer("code").value_or(-1) : -1;
}

net::HttpAsk Api::ask(std::string method, std::string target) const {
    net::HttpAsk ask;
    ask.host_port = address_;
    ask.method = std::move(method);
    ask.target = std::move(target);
    return ask;
}

namespace {

template <class T> rt::Task<Result<T>> listed(net::HttpAsk ask, Read<T> read) {
    ask.target += "?count=" + std::to_string(kMaxRows);
    ask.max_body = kMaxList;
    ask.deadline = 4 * kSecond;
    return asked<T>(std::move(ask), read);
}

} // namespace

rt::Task<Result<Identity>> Api::versions() const {
    return asked<Identity>(ask("GET", "/api/v1/versions"), read_identity);
}

rt::Task<Result<Clients>> Api::clients() const {
    return listed<Clients>(ask("GET", "/api/v1/clients/"), read_clients);
}

rt::Task<Result<Streams>> Api::streams() const {
    return listed<Streams>(ask("GET", "/api/v1/streams/"), read_streams);
}

rt::Task<Result<Streams>> Api::stream(std::string id) const {
    return asked<Streams>(
        ask("GET", "/api/v1/streams/" + codec::percent_encode(id)),
        read_streams);
}

rt::Task<Result<void>> Api::kick(std::string client_id) const {
    net::HttpAsk request =
        ask("DELETE", "/api/v1/clients/" + codec::percent_encode(client_id));
    auto work = asked<int64_t>(std::move(request), code_of);
    auto code = co_await std::move(work);
    if (!code) {
        co_return std::move(code.error());
    }
    if (*code != 0 && *code != kNoSuchClient) {
        co_return Error(Code::upstream_error,
                        "its API answers code " + std::to_string(*code), 2);
    }
    co_return Result<void>();
}

rt::Task<Result<void>> Api::remove(std::string location) const {
    net::HttpAsk request = ask("DELETE", std::move(location));
    auto answer = co_await net::http_call(std::move(request));
    if (!answer) {
        co_return std::move(answer.error());
    }
    if (answer->status != 200) {
        co_return Error(
            Code::upstream_error,
            "it answers DELETE with " + std::to_string(answer->status), 2);
    }
    co_return Result<void>();
}

} // namespace ks::srs
