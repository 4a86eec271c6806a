#include "session.h"

#include "conf/value.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace ks::ctl {

std::string file_of(std::string_view url) {
    constexpr std::string_view kScheme = "sqlite:";
    if (!url.starts_with(kScheme)) {
        return "";
    }
    url.remove_prefix(kScheme.size());
    return std::string(url.starts_with("//") ? url.substr(2) : url);
}

Result<std::string> store_named(const std::string &word) {
    auto url = conf::resolve_value(word);
    if (!url) {
        return std::move(url.error());
    }
    if (url->empty()) {
        return Error(Code::invalid_request,
                     (word.empty() ? std::string("an empty word") : word) +
                         " names no database: put an address into it, "
                         "sqlite:/var/lib/keystone/keystone.db or "
                         "postgresql://USER:PASSWORD@HOST/DATABASE");
    }
    auto sound = sql::check(*url);
    if (!sound) {
        return std::move(sound.error());
    }
    return url;
}

void Session::FreeZone::operator()(void *memory) const { std::free(memory); }

Result<void> Session::open_store(bool create) {
    auto opened = open(create);
    if (!opened) {
        return opened;
    }
    return run(store().open());
}

Result<void> Session::open(bool create) {
    std::string file = file_of(url_);
    std::error_code ignored;
    if (!create && !file.empty() && !std::filesystem::exists(file, ignored)) {
        return Error(Code::store_unavailable,
                     "there is no database " + file +
                         ". Name it with --store sqlite:PATH or in "
                         "DATABASE_URL, or make it with keystonectl migrate");
    }
    constexpr size_t kPage = 4096;
    zone_.reset(std::aligned_alloc(kPage, zone::Zone::kMinSize));
    uint8_t key[16];
    loop_.entropy().fill(key);
    if (!zone_) {
        return Error(Code::internal, "out of memory");
    }
    std::memset(zone_.get(), 0, zone::Zone::kMinSize);
    auto made = zone::Zone::init(zone_.get(), zone::Zone::kMinSize, key);
    if (!made) {
        return std::move(made.error());
    }
    auto store = store::Store::make(url_, *zone::Zone::at(zone_.get()),
                                    database_options(timeout_));
    if (!store) {
        return std::move(store.error());
    }
    store_ = std::move(*store);
    return {};
}

int Session::failed(const Error &error) const {
    if (error.code == Code::store_unavailable && store_ &&
        !store_->state().trouble.empty()) {
        return fail(kUnavailable, store_->state().trouble);
    }
    return fail(error);
}

int Session::not_open(const Error &error) const {
    return error.code == Code::conflict ? fail(kUnavailable, error.detail)
                                        : failed(error);
}

int fail(Exit status, std::string_view text) {
    std::fprintf(stderr, "keystonectl: %.*s\n", static_cast<int>(text.size()),
                 text.data());
    return status;
}

int fail(const Error &error) {
    bool away =
        error.code == Code::store_unavailable || error.code == Code::overloaded;
    return fail(away ? kUnavailable : kRefused, error.detail);
}

void print(const Lines &lines) {
    bool terminal =
        isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    size_t width = 0;
    for (const auto &[name, value] : lines) {
        width = std::max(width, name.size());
    }
    for (const auto &[name, value] : lines) {
        std::printf("%s%-*s%s  %s\n", terminal ? "\033[2m" : "",
                    static_cast<int>(width), name.c_str(),
                    terminal ? "\033[0m" : "", value.c_str());
    }
}

} // namespace ks::ctl
