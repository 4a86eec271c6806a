#include "check_srs.h"

#include "check_hooks.h"
#include "reach.h"
#include "srs_conf.h"

#include <algorithm>
#include <cstdlib>

namespace ks::ctl {

namespace {

constexpr std::string_view kDefaultVhost = "__defaultVhost__";

class SrsCheck {
  public:
    SrsCheck(const SrsConf &conf, const conf::Config *config, Report &report)
        : conf_(conf), config_(config), report_(report) {}

    void all() {
        vhosts();
        api();
        http_server();
        rtc_server();
        exporter();
    }

  private:
    void vhosts() {
        auto all = conf_.vhosts();
        HookCheck hooks(conf_, config_, report_);
        const SrsBlock *main = nullptr;
        for (const SrsBlock *vhost : all) {
            if (!vhost->args.empty() && vhost->args[0] == kDefaultVhost) {
                main = main == nullptr ? vhost : main;
            }
            hooks.vhost(*vhost);
            hls(*vhost);
        }
        if (main == nullptr) {
            report_.problem("vhost", conf_.path() +
                                         ": there is no vhost "
                                         "__defaultVhost__, the only one that "
                                         "Keystone uses: add it, with hooks");
            return;
        }
        if (all.size() > 1) {
            report_.note("vhost", conf_.path() + " has " +
                                      std::to_string(all.size()) +
                                      ": Keystone uses __defaultVhost__ only, "
                                      "and the files of all lie together");
        }
        media(*main);
    }

    void hls(const SrsBlock &vhost) {
        SrsValue ctx = conf_.value(vhost, "hls.hls_ctx");
        if (srs_on(conf_.value(vhost, "hls.enabled"), false) &&
            srs_on(ctx, true)) {
            problem("hls", ctx.place,
                    "hls_ctx is on: who makes up a context gets past the "
                    "hook, and a cache keeps a copy for each viewer. Write "
                    "\"hls_ctx off;\"");
        }
    }

    void media(const SrsBlock &vhost) {
        SrsValue rtc = conf_.value(vhost, "rtc.enabled");
        if (!srs_on(rtc, false)) {
            problem("rtc", rtc.place,
                    "WebRTC is off in " + std::string(kDefaultVhost) +
                        ": put \"rtc { enabled on; }\" into it");
            return;
        }
        if (!srs_on(conf_.value(vhost, "rtc.rtmp_to_rtc"), false)) {
            report_.note("rtc", rtc.place +
                                    ": rtmp_to_rtc is off: what comes by RTMP "
                                    "does not play over WHEP");
        }
        if (!srs_on(conf_.value(vhost, "rtc.rtc_to_rtmp"), false)) {
            report_.note("rtc", rtc.place +
                                    ": rtc_to_rtmp is off: what comes by WHIP "
                                    "does not play as HLS, FLV or RTMP");
        }
    }

    bool everywhere(const std::string &listen) const {
        std::string host = split_address(listen).host;
        return host.empty() || host == "0.0.0.0" || host == "::" || host == "*";
    }

    void api() {
        SrsValue enabled = conf_.value("http_api.enabled");
        if (!srs_on(enabled, false)) {
            problem("http_api", enabled.place,
                    "it is off: Keystone needs it for WebRTC. Write \"http_api "
                    "{ enabled on; listen 127.0.0.1:1985; }\"");
            return;
        }
        SrsValue auth = conf_.value("http_api.auth.enabled");
        if (srs_on(auth, false)) {
            problem("http_api", auth.place,
                    "it asks for a password, which Keystone does not have: "
                    "write \"enabled off;\" and close the port to others");
        }
        SrsValue listen = conf_.value("http_api.listen");
        std::string where = listen.set() ? listen.first() : "1985";
        if (everywhere(where)) {
            warning("http_api", listen.place,
                    "it listens on all addresses (" + where +
                        "). Who reaches it may publish and end anybody's "
                        "session: write \"listen 127.0.0.1:" +
                        split_address(where).port +
                        ";\", or close it with a firewall");
        } else {
            report_.good("http_api", "listens on " + where);
        }
    }

    void exporter() {
        if (!srs_on(conf_.value("exporter.enabled"), false)) {
            return;
        }
        SrsValue listen = conf_.value("exporter.listen");
        std::string where = listen.set() ? listen.first() : "9972";
        SrsValue api = conf_.value("http_api.listen");
        std::string api_port =
            split_address(api.set() ? api.first() : "1985").port;
        if (split_address(where).port == api_port) {
            problem("exporter", listen.place,
                    "it has the port of http_api, " + api_port +
                        ": give it one of its own");
        } else if (everywhere(where)) {
            warning("exporter", listen.place,
                    "it listens on all addresses (" + where +
                        "), and its port serves the whole API, ending of "
                        "sessions included: write \"listen 127.0.0.1:" +
                        split_address(where).port + ";\"");
        }
    }

    void http_server() {
        SrsValue enabled = conf_.value("http_server.enabled");
        if (!srs_on(enabled, false)) {
            bool wanted = config_ != nullptr &&
                          std::any_of(config_->srs_nodes.begin(),
                                      config_->srs_nodes.end(), [](auto &node) {
                                          return !node.http.empty();
                                      });
            std::string text = "it is off: this node has no HLS and no FLV. "
                               "Write \"http_server { enabled on; listen "
                               "127.0.0.1:8080; }\"";
            if (wanted) {
                problem("http_server", enabled.place, text);
            } else {
                report_.note("http_server", enabled.place + ": " + text);
            }
            return;
        }
        SrsValue listen = conf_.value("http_server.listen");
        std::string where = listen.set() ? listen.first() : "8080";
        if (everywhere(where)) {
            warning("http_server", listen.place,
                    "it listens on all addresses (" + where +
                        "), and gives out private streams unasked: write "
                        "\"listen 127.0.0.1:" +
                        split_address(where).port +
                        ";\", or close it with a firewall");
        } else {
            report_.good("http_server", "listens on " + where);
        }
    }

    void rtc_server() {
        SrsValue enabled = conf_.value("rtc_server.enabled");
        if (!srs_on(enabled, false)) {
            problem("rtc_server", enabled.place,
                    "it is off: no WebRTC. Write \"rtc_server { enabled on; "
                    "listen 8000; candidate ADDRESS; }\"");
            return;
        }
        SrsValue names = conf_.value("rtc_server.api_as_candidates");
        if (srs_on(names, true)) {
            warning("rtc_server", names.place,
                    "api_as_candidates is on: browsers are told to send media "
                    "to whatever host a request names. Write "
                    "\"api_as_candidates off;\"");
        }
        candidate();
    }

    void candidate() {
        SrsValue value = conf_.value("rtc_server.candidate");
        std::string address = value.first();
        std::string given;
        if (address.starts_with('$')) {
            given = " ($" + address.substr(1) + ")";
            const char *set = std::getenv(address.c_str() + 1);
            address = set == nullptr ? "" : set;
        }
        if (address.empty() || address == "*" || address == "0.0.0.0") {
            warning("candidate", value.place,
                    (address.empty() ? "it is not set" + given
                                     : "it is " + address) +
                        ": browsers are offered every address this machine "
                        "has, which is right without NAT and containers only. "
                        "Set the one that browsers reach");
            return;
        }
        Scope scope = is_numeric(address) ? scope_of(address) : Scope::unknown;
        if (scope == Scope::loopback) {
            warning("candidate", value.place,
                    address + given +
                        " is this machine: no browser elsewhere gets "
                        "media. Set the address that browsers reach");
        } else if (scope == Scope::local) {
            warning("candidate", value.place,
                    address + given +
                        " is a private address: fine when all browsers "
                        "are in that network, else set the public one");
        } else if (!is_numeric(address)) {
            warning("candidate", value.place,
                    address + given +
                        " is a name: not every browser looks up names "
                        "there, set an address");
        } else {
            report_.good("candidate", "browsers send media to " + address);
        }
    }

    void problem(const char *what, const std::string &place,
                 const std::string &text) {
        report_.problem(what, place + ": " + text);
    }
    void warning(const char *what, const std::string &place,
                 const std::string &text) {
        report_.warning(what, place + ": " + text);
    }

    const SrsConf &conf_;
    const conf::Config *config_;
    Report &report_;
};

} // namespace

void check_srs_conf(const std::string &path, const conf::Config *config,
                    Report &report) {
    auto conf = SrsConf::read(path);
    if (!conf) {
        report.problem("srs.conf", conf.error().detail);
        return;
    }
    SrsCheck check(*conf, config, report);
    check.all();
}

} // namespace ks::ctl
