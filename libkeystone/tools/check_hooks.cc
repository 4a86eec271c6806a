#include "check_hooks.h"

#include "base/bytes.h"
#include "codec/uri.h"
#include "reach.h"

#include <algorithm>
#include <map>

namespace ks::ctl {

// http://127.0.0.1:80/api/v1/hooks/srs?k=...&node=...
struct HookUrl {
    std::string scheme;
    std::string host_port; // always with a port
    std::string path;
    std::string query; // holds the secret: never printed

    std::string shown() const { return scheme + "://" + host_port + path; }
    std::string event() const { return path.substr(path.rfind('/') + 1); }
};

namespace {

constexpr std::string_view kEvents[] = {"on_connect", "on_close",
                                        "on_publish", "on_unpublish",
                                        "on_play",    "on_stop"};
std::string join(const std::vector<std::string> &words) {
    std::string all;
    for (const std::string &word : words) {
        all += all.empty() ? word : ", " + word;
    }
    return all;
}

HookUrl take_apart(const std::string &url) {
    HookUrl u;
    size_t host = url.find("://");
    if (host == std::string::npos) {
        return u;
    }
    u.scheme = url.substr(0, host);
    host += 3;
    size_t path = std::min(url.find_first_of("/?", host), url.size());
    u.host_port = url.substr(host, path - host);
    if (u.host_port.find(':') == std::string::npos) {
        u.host_port += u.scheme == "https" ? ":443" : ":80";
    }
    size_t query = std::min(url.find('?', path), url.size());
    u.path = url.substr(path, query - path);
    u.query = query < url.size() ? url.substr(query + 1) : "";
    return u;
}

bool is_keystone(const HookUrl &url) {
    return url.path.find("/hooks/") != std::string::npos;
}

} // namespace

void HookCheck::vhost(const SrsBlock &vhost) {
    std::string name = vhost.args.empty() ? "" : vhost.args[0];
    int before = report_.problems();
    SrsValue enabled = conf_.value(vhost, "http_hooks.enabled");
    if (!srs_on(enabled, false)) {
        problem(enabled.place,
                "vhost " + name +
                    " has none: everybody may publish and play there. Put "
                    "\"http_hooks { enabled on; ... }\" into it, or "
                    "remove it");
        return;
    }
    std::vector<std::string> missing;
    std::map<std::string, SrsValue> urls;
    for (std::string_view event : kEvents) {
        SrsValue value = conf_.value(vhost, "http_hooks." + std::string(event));
        bool ours = false;
        for (const std::string &word : value.words) {
            HookUrl url = take_apart(word);
            if (is_keystone(url)) {
                ours = true;
                urls.emplace(word, value);
                path(url, event, value.place);
            }
        }
        if (!ours) {
            missing.emplace_back(event);
        }
    }
    if (!missing.empty()) {
        SrsValue block = conf_.value(vhost, "http_hooks");
        problem(block.place,
                "vhost " + name + " does not ask Keystone at " + join(missing) +
                    ": give it the address that the other events have, "
                    "http://127.0.0.1:80/api/v1/hooks/srs?k=...");
    }
    for (const auto &[word, value] : urls) {
        one_url(take_apart(word), value.place);
    }
    if (report_.problems() == before) {
        report_.good("hooks", name + ": all six events go to Keystone");
    }
}

void HookCheck::path(const HookUrl &url, std::string_view event,
                     const std::string &place) {
    if (url.event() != "srs" && url.event() != event) {
        problem(place, std::string(event) + " goes to " + url.path +
                           ", which takes another event: let the path end in "
                           "/hooks/srs, which takes all");
    }
}

void HookCheck::one_url(const HookUrl &url, const std::string &place) {
    // the same for every vhost and event: said and tried once
    if (!seen_.insert(url.shown() + "?" + url.query).second) {
        return;
    }
    node(url, place);
    std::string key = codec::query_value(url.query, "k").value_or("");
    if (key.empty()) {
        problem(place,
                "the address has no secret, so Keystone refuses all: end "
                "it with ?k=, and what hook_secret of nginx.conf says. "
                "Keystone's own srs.conf gets it from srs/start: check "
                "with srs/start --check");
        return;
    }
    if (config_ != nullptr && !knows(key)) {
        problem(place, config_->hook_secrets.empty()
                           ? "nginx.conf has no hook_secret: add it, with what "
                             "stands behind k= here"
                           : "k= is not hook_secret of nginx.conf, so Keystone "
                             "refuses all: make them the same");
        return;
    }
    answer(url, place);
}

bool HookCheck::knows(std::string_view key) const {
    return std::any_of(
        config_->hook_secrets.begin(), config_->hook_secrets.end(),
        [&](const Secret &s) { return equal_constant_time(s.reveal(), key); });
}

void HookCheck::node(const HookUrl &url, const std::string &place) {
    if (config_ == nullptr) {
        return;
    }
    std::string node = codec::query_value(url.query, "node").value_or("");
    std::vector<std::string> names;
    for (const conf::SrsNode &n : config_->srs_nodes) {
        names.push_back(n.name);
    }
    bool known = std::find(names.begin(), names.end(), node) != names.end();
    if (!node.empty() && !known) {
        problem(place,
                "node=" + node + " is no srs_node of nginx.conf" +
                    (names.empty() ? "" : ", these are: " + join(names)));
    } else if (node.empty() && names.size() > 1) {
        warning(place, "add &node= and one of " + join(names) +
                           " to the address: without it the node is known by "
                           "its server_id, and not before Keystone reached its "
                           "API");
    }
}

// An empty object is no event: who has the secret is told 422, and nothing
// comes of it.
void HookCheck::answer(const HookUrl &url, const std::string &place) {
    HostPort to = split_address(url.host_port);
    if (url.scheme != "http") {
        report_.note("hooks", url.shown() + " was not tried: only http is");
        return;
    }
    if (!is_numeric(to.host)) {
        warning(place, to.host + " is a name: SRS stands still while DNS looks "
                                 "for it, write an address");
    }
    net::HttpAsk ask;
    ask.host_port = url.host_port;
    ask.method = "POST";
    ask.target = url.path + "?" + url.query;
    ask.content_type = "application/json";
    ask.body = "{}";
    auto got = http_ask(std::move(ask));
    if (!got) {
        problem(place,
                url.shown() +
                    " does not answer, so SRS refuses everybody: is nginx "
                    "running, and does it listen there?");
    } else if (got->status == 403) {
        problem(place, url.shown() +
                           " answers 403: the nginx that runs has another "
                           "hook_secret, or none. Reload it, or make them the "
                           "same");
    } else if (got->status != 422) {
        problem(place, url.shown() + " answers " + std::to_string(got->status) +
                           ", not as Keystone does: its path is that of the "
                           "location with keystone_api, and v1/hooks/srs");
    }
}

} // namespace ks::ctl
