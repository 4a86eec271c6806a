// srs.conf as SRS reads it: its file, and the environment that beats it.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace ks::ctl {

struct SrsBlock {
    std::string name;
    std::vector<std::string> args;
    int line = 0;
    std::vector<SrsBlock> members;

    // The first of that name, as SRS takes it; null: there is none.
    const SrsBlock *find(std::string_view member) const;
};

// What is set, and where.
struct SrsValue {
    std::vector<std::string> words;
    std::string place; // "srs.conf:12", "SRS_LISTEN in the environment"; of
                       // what is not set: of the block that misses it

    bool set() const { return !words.empty(); }
    std::string first() const { return words.empty() ? "" : words[0]; }
};

class SrsConf {
  public:
    // The error begins with the place.
    static Result<SrsConf> read(const std::string &path);

    // "rtc_server.candidate"
    SrsValue value(std::string_view name) const;
    // "http_hooks.on_play" of a vhost; the environment is for all vhosts.
    SrsValue value(const SrsBlock &vhost, std::string_view name) const;

    // Those that are on.
    std::vector<const SrsBlock *> vhosts() const;

    std::string place(const SrsBlock &block) const;
    const std::string &path() const { return path_; }

  private:
    SrsValue look_up(const SrsBlock &top, std::string_view prefix,
                     std::string_view name) const;

    std::string path_;
    SrsBlock root_;
};

// How SRS takes a word for yes: where the default is no, only "on" is; where it
// is yes, all but "off" are.
bool srs_on(const SrsValue &value, bool by_default);

} // namespace ks::ctl
