// What Keystone asks an SRS node: /api/v1 on its API port, SRS 5 and 6
// (trunk/src/app/srs_app_http_api.cpp).  Every answer of it is 200 with a code.
#pragma once

#include "base/result.h"
#include "model/session.h"
#include "net/http_client.h"
#include "rt/task.h"

#include <string>
#include <string_view>
#include <vector>

namespace ks::srs {

// Of the envelope of every answer.
struct Identity {
    std::string server;  // server_id: the node, as its configuration says
    std::string service; // of one run of the process
};

struct Client {
    std::string id;
    std::string url;  // /app/stream, behind a name of a vhost if it has one
    std::string name; // stream, as it was asked for
    std::string type; // rtc-publish, rtmp-play, ...
    std::string ip;
    bool publish = false;
    double alive = 0;       // seconds
    int64_t send_bytes = 0; // since it came
    int64_t recv_bytes = 0;
};

struct Clients {
    Identity from;
    bool whole = true; // false: there may be more
    std::vector<Client> rows;
};

struct Stream {
    std::string id;
    std::string url;
    std::string publisher; // its client id; empty: nobody publishes
    int64_t recv_bytes = 0;
};

struct Streams {
    Identity from;
    std::vector<Stream> rows;
};

// "/live/str_..." of the default vhost; empty: it is none of ours.
std::string_view stream_of(std::string_view url);
// What SRS calls a client of this kind.
bool is_type(std::string_view type, model::Protocol protocol,
             model::Action action);

// Pure: what an answer's body says.  upstream_error: SRS does not talk so.
Result<Identity> read_identity(std::string_view body);
Result<Clients> read_clients(std::string_view body);
Result<Streams> read_streams(std::string_view body);
// The code of the envelope; -1: there is none.
int64_t read_code(std::string_view body);

constexpr int64_t kNoSuchStream = 2048;
constexpr int64_t kNoSuchClient = 2049;

// One node.  `address` is host:port of its API.
class Api {
  public:
    explicit Api(std::string address) : address_(std::move(address)) {}

    rt::Task<Result<Identity>> versions() const;
    // All there are, up to 20000.
    rt::Task<Result<Clients>> clients() const;
    rt::Task<Result<Streams>> streams() const;
    // One, by the id a hook told; no row when it is not known (any more).
    rt::Task<Result<Streams>> stream(std::string id) const;

    // Ends a client; ok also when it is gone already.
    rt::Task<Result<void>> kick(std::string client_id) const;
    // Ends a WebRTC session by the Location SRS gave it, unchanged.  SRS says
    // yes to one that it does not know, too: kick() is better when the client's
    // id is known.
    rt::Task<Result<void>> remove(std::string location) const;

  private:
    net::HttpAsk ask(std::string method, std::string target) const;

    std::string address_;
};

} // namespace ks::srs
