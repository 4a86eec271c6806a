#include "api/urls.h"

#include <algorithm>

namespace ks::api {

namespace {

constexpr std::string_view kApp = "/live";

bool host_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
           c == ':' || c == '[' || c == ']';
}

// Host goes into what people paste into a shell: nothing but a name.
std::string_view safe_host(std::string_view host) {
    bool good = !host.empty() && host.size() <= 255 &&
                std::all_of(host.begin(), host.end(), host_char);
    return good ? host : std::string_view("localhost");
}

std::string_view without_port(std::string_view host) {
    size_t colon = host.rfind(':');
    if (colon == std::string_view::npos ||
        host.find(']', colon) != std::string_view::npos) {
        return host; // [::1]
    }
    return host.substr(0, colon);
}

std::string_view host_of(std::string_view url) {
    size_t at = url.find("://");
    url.remove_prefix(at == std::string_view::npos ? 0 : at + 3);
    return url.substr(0, url.find('/'));
}

std::string without_app(std::string_view base) {
    if (base.ends_with(kApp)) {
        base.remove_suffix(kApp.size());
    }
    return std::string(base);
}

std::string cat(std::initializer_list<std::string_view> parts) {
    size_t len = 0;
    for (std::string_view p : parts) {
        len += p.size();
    }
    std::string out;
    out.reserve(len);
    for (std::string_view p : parts) {
        out += p;
    }
    return out;
}

} // namespace

Bases Urls::bases(const codec::RequestView &request) const {
    Bases b;
    if (!config_.edge_base_url.empty()) {
        b.web = config_.edge_base_url;
    } else {
        b.web = cat({request.scheme, "://", safe_host(request.header("Host"))});
    }
    std::string_view name = without_port(host_of(b.web));
    b.hls = config_.hls_base_url.empty() ? b.web
                                         : without_app(config_.hls_base_url);
    b.rtmp = config_.rtmp_base_url.empty() ? cat({"rtmp://", name})
                                           : without_app(config_.rtmp_base_url);
    b.rtmp += kApp;
    b.srt = config_.srt_base_url.empty() ? cat({"srt://", name, ":10080"})
                                         : config_.srt_base_url;
    return b;
}

std::string Bases::whip(std::string_view stream) const {
    return cat({web, "/rtc/v1/whip/", stream});
}

std::string Bases::whep(std::string_view stream) const {
    return cat({web, "/rtc/v1/whep/", stream});
}

std::string Bases::playlist(std::string_view stream) const {
    return cat({hls, kApp, "/", stream, ".m3u8"});
}

std::string Bases::playlist(std::string_view stream,
                            std::string_view token) const {
    return cat({hls, kApp, "/t/", token, "/", stream, ".m3u8"});
}

std::string Bases::rtmp_url(std::string_view stream) const {
    return cat({rtmp, "/", stream});
}

std::string Bases::srt_publish(std::string_view stream,
                               std::string_view token) const {
    return cat(
        {srt, "?streamid=%23!::r=live/", stream, ",m=publish,token=", token});
}

std::string Bases::page(std::string_view stream) const {
    return cat({web, "/#", stream});
}

} // namespace ks::api
