#include "codec/http.h"

#include "base/bytes.h"

#include <algorithm>

namespace ks::codec {

std::string_view RequestView::header(std::string_view name) const {
    for (size_t i = 0; i < nheaders; i++) {
        if (iequals(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return {};
}

bool RequestView::add_header(std::string_view name, std::string_view value) {
    if (nheaders == kMaxHeaders) {
        return false;
    }
    headers[nheaders++] = {name, value};
    return true;
}

Request::Request(const RequestView &from) : RequestView(from) {
    size_t len = method.size() + uri.size() + query.size() + client_ip.size() +
                 scheme.size() + request_id.size();
    for (size_t i = 0; i < nheaders; i++) {
        len += headers[i].name.size() + headers[i].value.size();
    }
    memory_.reserve(len); // never grows after: the views stay good
    auto keep = [this](std::string_view &view) {
        size_t at = memory_.size();
        memory_.append(view);
        view = std::string_view(memory_).substr(at, view.size());
    };
    keep(method);
    keep(uri);
    keep(query);
    keep(client_ip);
    keep(scheme);
    keep(request_id);
    for (size_t i = 0; i < nheaders; i++) {
        keep(headers[i].name);
        keep(headers[i].value);
    }
}

void Response::set(std::string_view name, std::string_view value) {
    for (Header &h : headers) {
        if (iequals(h.name, name)) {
            h.value = value;
            return;
        }
    }
    add(name, value);
}

void Response::add(std::string_view name, std::string_view value) {
    headers.push_back({std::string(name), std::string(value)});
}

std::string_view Response::header(std::string_view name) const {
    for (const Header &h : headers) {
        if (iequals(h.name, name)) {
            return h.value;
        }
    }
    return {};
}

bool is_request_id(std::string_view text) {
    auto good = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
               (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
    };
    // it stands in every log line: a token is none
    return text.size() >= 8 && text.size() <= 64 &&
           text.find("ks_p") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), good);
}

} // namespace ks::codec
