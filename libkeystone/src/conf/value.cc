#include "conf/value.h"

#include "base/bytes.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace ks::conf {

namespace {

constexpr size_t kMaxFile = 64 * 1024;

struct FileClose {
    void operator()(FILE *f) const { std::fclose(f); }
};

} // namespace

Result<std::string> resolve_value(std::string_view text) {
    constexpr std::string_view kEnv = "env:";
    constexpr std::string_view kFile = "file:";
    if (text.starts_with(kEnv)) {
        std::string name(text.substr(kEnv.size()));
        const char *value = std::getenv(name.c_str());
        return std::string(value != nullptr ? value : "");
    }
    if (!text.starts_with(kFile)) {
        return std::string(text);
    }
    std::string path(text.substr(kFile.size()));
    std::unique_ptr<FILE, FileClose> file(std::fopen(path.c_str(), "re"));
    if (!file) {
        return Error(Code::invalid_request,
                     "cannot read \"" + path + "\": " + std::strerror(errno));
    }
    std::string all(kMaxFile + 1, '\0');
    size_t n = std::fread(all.data(), 1, all.size(), file.get());
    if (n > kMaxFile) {
        return Error(Code::invalid_request,
                     "\"" + path + "\" is larger than 64 KiB");
    }
    std::string value(trim(std::string_view(all).substr(0, n)));
    wipe(all.data(), all.size());
    return value;
}

} // namespace ks::conf
