#include "nginx_conf.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <glob.h>
#include <sstream>

namespace ks::ctl {

namespace {

constexpr int kMaxDepth = 16; // of includes
constexpr size_t kMaxDirectives = 100'000;

enum class Mark { word, semicolon, open, close, end, bad };

struct Token {
    Mark mark = Mark::end;
    std::string text; // of a word; of a bad one what is wrong
    int line = 0;
};

// Words, quoted or not, and the three signs.  A sign needs no blank before it;
// "#" begins a comment only where a word could begin; "${" belongs to a word.
class Lexer {
  public:
    explicit Lexer(std::string text) : text_(std::move(text)) {}

    Token next() {
        skip_blank();
        Token token;
        token.line = line_;
        if (at_ >= text_.size()) {
            return token;
        }
        char c = text_[at_];
        if (c == ';' || c == '{' || c == '}') {
            at_++;
            token.mark = c == ';'   ? Mark::semicolon
                         : c == '{' ? Mark::open
                                    : Mark::close;
            return token;
        }
        if (c == '"' || c == '\'') {
            return quoted(token, c);
        }
        return plain(token);
    }

  private:
    void skip_blank() {
        while (at_ < text_.size()) {
            char c = text_[at_];
            if (c == '\n') {
                line_++;
            } else if (c == '#') {
                size_t end = text_.find('\n', at_);
                at_ = end == std::string::npos ? text_.size() : end;
                continue;
            } else if (c != ' ' && c != '\t' && c != '\r') {
                return;
            }
            at_++;
        }
    }

    // A backslash keeps its meaning for nginx's regular expressions, but \"
    // \' \\ and \t \r \n are what they are in C.
    void escaped(std::string &out) {
        char c = text_[at_ + 1];
        switch (c) {
        case '"':
        case '\'':
        case '\\':
            out += c;
            break;
        case 't':
            out += '\t';
            break;
        case 'r':
            out += '\r';
            break;
        case 'n':
            out += '\n';
            break;
        default:
            out += '\\';
            out += c;
        }
        line_ += c == '\n';
        at_ += 2;
    }

    Token quoted(Token token, char quote) {
        at_++;
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                escaped(token.text);
                continue;
            }
            line_ += text_[at_] == '\n';
            token.text += text_[at_++];
        }
        if (at_ >= text_.size()) {
            token.mark = Mark::bad;
            token.text = std::string("there is no closing ") + quote;
            return token;
        }
        at_++;
        token.mark = Mark::word;
        return token;
    }

    Token plain(Token token) {
        while (at_ < text_.size()) {
            char c = text_[at_];
            if (c == '\\' && at_ + 1 < text_.size()) {
                escaped(token.text);
                continue;
            }
            if (c == '$' && at_ + 1 < text_.size() && text_[at_ + 1] == '{') {
                token.text += "${";
                at_ += 2;
                continue;
            }
            bool variable = c == '}' &&
                            token.text.rfind("${") != std::string::npos &&
                            token.text.find('}', token.text.rfind("${")) ==
                                std::string::npos;
            if (std::strchr(" \t\r\n;{", c) != nullptr ||
                (c == '}' && !variable)) {
                break;
            }
            token.text += c;
            at_++;
        }
        token.mark = Mark::word;
        return token;
    }

    std::string text_;
    size_t at_ = 0;
    int line_ = 1;
};

class Parser {
  public:
    explicit Parser(const std::string &path) {
        size_t slash = path.rfind('/');
        prefix_ = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    }

    Result<void> file(const std::string &path, const std::string &block,
                      int depth) {
        std::ifstream in(path);
        std::stringstream text;
        text << in.rdbuf();
        if (!in) {
            return Error(Code::not_found,
                         path + ": cannot be read: " + std::strerror(errno));
        }
        Lexer lexer(text.str());
        return directives(lexer, path, block, depth);
    }

    std::vector<Directive> found;

  private:
    Result<void> directives(Lexer &lexer, const std::string &path,
                            const std::string &block, int depth) {
        std::vector<std::string> open = {block};
        Directive now;
        for (;;) {
            Token token = lexer.next();
            std::string place = path + ":" + std::to_string(token.line) + ": ";
            switch (token.mark) {
            case Mark::bad:
                return wrong(place + token.text);
            case Mark::word:
                if (now.words.empty()) {
                    now.line = token.line;
                }
                now.words.push_back(std::move(token.text));
                continue;
            case Mark::end:
                if (!now.words.empty()) {
                    return wrong(place + "\"" + now.words[0] +
                                 "\" does not end with \";\"");
                }
                return open.size() == 1 ? Result<void>()
                                        : wrong(place + "a \"}\" is missing");
            case Mark::close:
                if (!now.words.empty()) {
                    return wrong(place + "\"" + now.words[0] +
                                 "\" does not end with \";\"");
                }
                if (open.size() == 1) {
                    return wrong(place + "one \"}\" too many");
                }
                open.pop_back();
                continue;
            case Mark::open:
            case Mark::semicolon:
                break;
            }
            if (now.words.empty()) {
                return wrong(place + "a name is missing before this");
            }
            now.block = open.back();
            now.file = path;
            if (token.mark == Mark::open) {
                open.push_back(now.block.empty()
                                   ? now.words[0]
                                   : now.block + "/" + now.words[0]);
            } else if (now.words[0] == "include" && now.words.size() == 2) {
                auto included = include(now, depth);
                if (!included) {
                    return included;
                }
            }
            found.push_back(std::move(now));
            now = Directive();
            if (found.size() > kMaxDirectives) {
                return wrong(place + "this is too long to be a configuration");
            }
        }
    }

    Result<void> include(const Directive &directive, int depth) {
        if (depth >= kMaxDepth) {
            return wrong(directive.place() +
                         ": files include each other without end");
        }
        std::string pattern = directive.words[1];
        if (!pattern.starts_with('/')) {
            pattern = prefix_ + pattern;
        }
        if (pattern.find_first_of("*?[") == std::string::npos) {
            return file(pattern, directive.block, depth + 1);
        }
        glob_t names{};
        Result<void> result;
        if (glob(pattern.c_str(), 0, nullptr, &names) == 0) {
            for (size_t i = 0; i < names.gl_pathc && result; i++) {
                result = file(names.gl_pathv[i], directive.block, depth + 1);
            }
        }
        globfree(&names);
        return result;
    }

    static Error wrong(const std::string &text) {
        return Error(Code::invalid_request, text);
    }

    std::string prefix_;
};

} // namespace

Result<std::vector<Directive>> read_nginx_conf(const std::string &path) {
    Parser parser(path);
    auto read = parser.file(path, "", 0);
    if (!read) {
        return std::move(read.error());
    }
    return std::move(parser.found);
}

} // namespace ks::ctl
