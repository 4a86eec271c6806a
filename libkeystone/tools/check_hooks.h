// Whether SRS asks Keystone about everything, and is heard.
#pragma once

#include "conf/config.h"
#include "report.h"
#include "srs_conf.h"

#include <set>
#include <string>
#include <string_view>

namespace ks::ctl {

struct HookUrl;

class HookCheck {
  public:
    // All outlive it.  `config` null: the nginx behind the hooks is not known.
    HookCheck(const SrsConf &conf, const conf::Config *config, Report &report)
        : conf_(conf), config_(config), report_(report) {}

    void vhost(const SrsBlock &vhost);

  private:
    void path(const HookUrl &url, std::string_view event,
              const std::string &place);
    void one_url(const HookUrl &url, const std::string &place);
    void node(const HookUrl &url, const std::string &place);
    void answer(const HookUrl &url, const std::string &place);
    bool knows(std::string_view key) const;
    void problem(const std::string &place, const std::string &text) {
        report_.problem("hooks", place + ": " + text);
    }
    void warning(const std::string &place, const std::string &text) {
        report_.warning("hooks", place + ": " + text);
    }

    const SrsConf &conf_;
    const conf::Config *config_;
    Report &report_;
    std::set<std::string> seen_; // addresses that were tried; with secrets
};

} // namespace ks::ctl
