#include "srs_conf.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ks::ctl {

namespace {

constexpr int kMaxDepth = 16; // of blocks
constexpr size_t kMaxFile = size_t{1} << 20;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Stricter than SRS where that takes what can only be a slip.  Other than in
// nginx a backslash means nothing, and a "}" or "#" inside a word is part of it.
class Reader {
  public:
    Reader(std::string path, std::string text)
        : path_(std::move(path)), text_(std::move(text)) {}

    Result<void> block(SrsBlock &into, int depth) {
        if (depth > kMaxDepth) {
            return wrong("blocks stand in each other too deeply");
        }
        for (;;) {
            skip_blank();
            if (at_end()) {
                return depth == 0
                           ? Result<void>()
                           : wrong("the \"}\" of \"" + into.name +
                                   "\" in line " + std::to_string(into.line) +
                                   " is missing");
            }
            if (text_[at_] == '}') {
                at_++;
                return depth > 0 ? Result<void>() : wrong("one \"}\" too many");
            }
            auto read = directive(into, depth);
            if (!read) {
                return read;
            }
        }
    }

  private:
    Result<void> directive(SrsBlock &into, int depth) {
        SrsBlock now;
        now.line = line_;
        for (;;) {
            skip_blank();
            char c = at_end() ? '\0' : text_[at_];
            if (c == '\0' || c == '}') {
                return wrong("\"" + now.name + "\" does not end with \";\"");
            }
            if (c == ';' || c == '{') {
                if (now.name.empty()) {
                    return wrong("a name is missing before this");
                }
                at_++;
                break;
            }
            auto got = word();
            if (!got) {
                return std::move(got.error());
            }
            if (now.name.empty()) {
                now.name = std::move(*got);
            } else {
                now.args.push_back(std::move(*got));
            }
        }
        if (now.name == "include") {
            return wrong("\"include\" is not followed: check the whole as "
                         "one file");
        }
        if (text_[at_ - 1] == '{') {
            auto read = block(now, depth + 1);
            if (!read) {
                return read;
            }
        }
        into.members.push_back(std::move(now));
        return {};
    }

    Result<std::string> word() {
        char quote = text_[at_];
        if (quote != '"' && quote != '\'') {
            size_t from = at_;
            while (!at_end() && !is_blank(text_[at_]) && text_[at_] != ';' &&
                   text_[at_] != '{') {
                at_++;
            }
            return text_.substr(from, at_ - from);
        }
        size_t end = text_.find(quote, at_ + 1);
        if (end == std::string::npos) {
            return wrong(std::string("there is no closing ") + quote);
        }
        std::string got = text_.substr(at_ + 1, end - at_ - 1);
        for (char c : got) {
            line_ += c == '\n';
        }
        at_ = end + 1;
        if (!at_end() && !is_blank(text_[at_]) && text_[at_] != ';' &&
            text_[at_] != '{') {
            return wrong(std::string("a blank or \";\" is missing after ") +
                         quote);
        }
        return got;
    }

    void skip_blank() {
        while (!at_end()) {
            if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (is_blank(text_[at_])) {
                line_ += text_[at_++] == '\n';
            } else {
                return;
            }
        }
    }

    bool at_end() const { return at_ >= text_.size(); }

    Error wrong(const std::string &text) const {
        return Error(Code::invalid_request,
                     path_ + ":" + std::to_string(line_) + ": " + text);
    }

    std::string path_;
    std::string text_;
    size_t at_ = 0;
    int line_ = 1;
};

// SRS_VHOST_HTTP_HOOKS_ON_PLAY
std::string env_name(std::string_view prefix, std::string_view name) {
    std::string all = "SRS_" + std::string(prefix) + std::string(name);
    for (char &c : all) {
        if (c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        } else if (c == '.') {
            c = '_';
        }
    }
    return all;
}

} // namespace

const SrsBlock *SrsBlock::find(std::string_view member) const {
    for (const SrsBlock &b : members) {
        if (b.name == member) {
            return &b;
        }
    }
    return nullptr;
}

Result<SrsConf> SrsConf::read(const std::string &path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    if (!in || text.str().size() > kMaxFile) {
        return Error(Code::not_found,
                     path + ": cannot be read: " +
                         (in ? "it is too long" : std::strerror(errno)));
    }
    SrsConf conf;
    conf.path_ = path;
    Reader reader(path, text.str());
    auto done = reader.block(conf.root_, 0);
    if (!done) {
        return std::move(done.error());
    }
    return conf;
}

SrsValue SrsConf::look_up(const SrsBlock &top, std::string_view prefix,
                          std::string_view name) const {
    SrsValue value;
    std::string variable = env_name(prefix, name);
    const char *beats = std::getenv(variable.c_str());
    if (beats != nullptr && *beats != '\0') {
        value.place = variable + " in the environment";
        std::istringstream words(beats);
        for (std::string word; words >> word;) {
            value.words.push_back(word);
        }
        return value;
    }
    const SrsBlock *at = &top;
    value.place = place(top);
    for (size_t from = 0; from != std::string_view::npos;) {
        size_t dot = name.find('.', from);
        const SrsBlock *next = at->find(name.substr(
            from, dot == std::string_view::npos ? dot : dot - from));
        if (next == nullptr) {
            return value;
        }
        at = next;
        value.place = place(*at);
        from = dot == std::string_view::npos ? dot : dot + 1;
    }
    value.words = at->args;
    return value;
}

SrsValue SrsConf::value(std::string_view name) const {
    return look_up(root_, "", name);
}

SrsValue SrsConf::value(const SrsBlock &vhost, std::string_view name) const {
    return look_up(vhost, "VHOST_", name);
}

std::vector<const SrsBlock *> SrsConf::vhosts() const {
    std::vector<const SrsBlock *> all;
    for (const SrsBlock &b : root_.members) {
        if (b.name == "vhost" && srs_on(value(b, "enabled"), true)) {
            all.push_back(&b);
        }
    }
    return all;
}

std::string SrsConf::place(const SrsBlock &block) const {
    return block.line == 0 ? path_ : path_ + ":" + std::to_string(block.line);
}

bool srs_on(const SrsValue &value, bool by_default) {
    if (!value.set()) {
        return by_default;
    }
    return by_default ? value.first() != "off" : value.first() == "on";
}

} // namespace ks::ctl
