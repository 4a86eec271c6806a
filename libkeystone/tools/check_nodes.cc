#include "check_srs.h"

#include "codec/json.h"
#include "reach.h"
#include "srs/api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace ks::ctl {

namespace {

constexpr Millis kConnect = 2 * kSecond;

// What answers there, in words; nothing when it was no SRS that we know.
std::optional<std::string> identify(const conf::SrsNode &node, Report &report) {
    const std::string at = node.name + ": api=" + node.api;
    std::string why = try_connect(node.api, kConnect);
    if (!why.empty()) {
        report.problem("srs_node", at + ": " + why +
                                       ". Is SRS running there, and "
                                       "reachable from here?");
        return std::nullopt;
    }
    net::HttpAsk ask;
    ask.host_port = node.api;
    ask.target = "/api/v1/versions";
    auto answer = http_ask(std::move(ask));
    if (answer && answer->status == 401) {
        report.problem("srs_node",
                       at + " asks for a password: Keystone has none for it, "
                            "put \"auth { enabled off; }\" into http_api of "
                            "srs.conf and close the port to others");
        return std::nullopt;
    }
    auto body = codec::parse_json(answer ? answer->body : "");
    if (!answer || answer->status != 200 || !srs::read_identity(answer->body) ||
        !body) {
        report.problem("srs_node",
                       at + " answers, but not as SRS's API does: name the "
                            "port of http_api in srs.conf, 1985 by default");
        return std::nullopt;
    }
    codec::Json data = (*body)["data"];
    std::string version = data.string("version").value_or("without a version");
    int64_t major = data.integer("major").value_or(0);
    if (major != 5 && major != 6) {
        report.warning("srs_node", at + " is SRS " + version +
                                       ": Keystone is made for 5 and 6");
    }
    return "SRS " + version;
}

void check_scope(const conf::SrsNode &node, Report &report) {
    if (scope_of(split_address(node.api).host) == Scope::everybody) {
        report.warning(
            "srs_node",
            node.name + ": api=" + node.api +
                " is a public address. Who reaches it may publish and end "
                "anybody's session: let a firewall admit nginx only, or use a "
                "private network");
    }
}

void check_port(const conf::SrsNode &node, const char *what,
                const std::string &address, const char *block, Report &report) {
    if (address.empty()) {
        return;
    }
    std::string why = try_connect(address, kConnect);
    if (!why.empty()) {
        report.problem("srs_node", node.name + ": " + what + "=" + address +
                                       ": " + why + ". It is " + block +
                                       " of srs.conf");
    }
}

// The hosts that can stand behind this name in proxy_pass.
bool passes_to(const std::vector<Directive> &all, std::string_view variable) {
    return std::any_of(all.begin(), all.end(), [&](const Directive &d) {
        return d.words[0] == "proxy_pass" && d.words.size() > 1 &&
               d.words[1].find(variable) != std::string::npos;
    });
}

} // namespace

void check_nodes(const conf::Config &config, Report &report) {
    if (config.srs_nodes.empty()) {
        report.note("srs_node", "none is named: RTMP and HLS work without, "
                                "WebRTC does not");
        return;
    }
    for (const conf::SrsNode &node : config.srs_nodes) {
        int before = report.problems();
        auto what = identify(node, report);
        check_port(node, "http", node.http, "http_server", report);
        check_port(node, "rtmp", node.rtmp, "\"listen\"", report);
        if (what && report.problems() == before) {
            report.good("srs_node",
                        node.name + " is " + *what + " at " + node.api);
        }
        check_scope(node, report);
    }
    if (config.hook_secrets.empty()) {
        report.warning(
            "hook_secret",
            "is missing: hooks are refused, so an SRS with hooks lets in "
            "nobody and one without lets in everybody who reaches its ports. "
            "Make one with \"openssl rand -hex 24\" and write \"hook_secret "
            "file:/path;\"");
    }
}

void check_upstreams(const std::vector<Directive> &all,
                     const conf::Config &config, Report &report) {
    std::set<std::string, std::less<>> names;
    std::string current;
    for (const Directive &d : all) {
        bool named = d.words.size() > 1;
        if (d.block == "http" && d.words[0] == "upstream" && named) {
            current = d.words[1];
            names.insert(current);
        }
        bool keeps = d.block == "http/upstream" && d.words[0] == "keepalive" &&
                     named && d.words[1] != "0";
        for (const conf::SrsNode &node : config.srs_nodes) {
            if (keeps && current == node.name) {
                report.problem(
                    "upstream",
                    d.place() + ": remove keepalive from " + current +
                        ": SRS names a client after its connection, two on "
                        "one would end each other");
            }
        }
    }
    const std::pair<std::string, std::string> kWanted[] = {
        {"//$keystone_node$", ""},
        {"//${keystone_node}$", ""},
        {"//${keystone_node}_http$", "_http"}};
    for (const auto &[variable, tail] : kWanted) {
        if (!passes_to(all, variable)) {
            continue;
        }
        for (const conf::SrsNode &node : config.srs_nodes) {
            if (names.count(node.name + tail) == 0) {
                const std::string &to = tail.empty() ? node.api : node.http;
                report.problem("upstream", "there is none for " + node.name +
                                               ": write \"upstream " +
                                               node.name + tail + " { server " +
                                               (to.empty() ? "HOST:8080" : to) +
                                               "; }\" in http");
            }
        }
    }
}

} // namespace ks::ctl
