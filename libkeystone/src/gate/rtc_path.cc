#include "gate/rtc_path.h"

#include "base/id.h"
#include "codec/uri.h"
#include "model/token.h"

#include <array>

namespace ks::gate {

using model::Action;

namespace {

constexpr std::string_view kApp = "live";
constexpr std::string_view kEvents = "events";
constexpr size_t kMaxParts = 4; // the word and three more

// 404 and never 400: some WHEP players take 400 for "make the offer yourself".
Error no_such(std::string_view why) {
    return Error(Code::not_found, std::string(why));
}

struct Parts {
    std::array<std::string_view, kMaxParts> part;
    size_t count = 0;
    bool too_many = false;
};

// At slashes; one at the end is no part of its own.
Parts split(std::string_view path) {
    Parts parts;
    while (!path.empty()) {
        size_t slash = path.find('/');
        if (parts.count == kMaxParts) {
            parts.too_many = true;
            break;
        }
        parts.part[parts.count++] = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size()
                                                           : slash + 1);
    }
    return parts;
}

// Without a stream in the path: SRS's own form.  Strict, as SRS would take the
// last of two values, and obeys much of a query that it is never sent.
Result<void> read_query(std::string_view text, RtcPath &path) {
    auto query = codec::Query::parse(text);
    if (!query) {
        return no_such(query.error().detail);
    }
    std::string_view value[3];
    constexpr std::string_view kKeys[3] = {"app", "stream", "action"};
    for (size_t i = 0; i < 3; i++) {
        auto found = query->get(kKeys[i]);
        if (!found) {
            return no_such(found.error().detail);
        }
        value[i] = found->value_or(std::string_view());
    }
    const auto &[app, stream, action] = value;
    if (!app.empty() && app != kApp) {
        return no_such("There is one app, \"live\": write "
                       "?app=live&stream=STREAM.");
    }
    if (action == "play") {
        path.action = Action::play;
    } else if (!action.empty() &&
               (action != "publish" || path.action == Action::play)) {
        return no_such("\"action\" does not do that here: publish by POST to "
                       "whip, play by POST to whep, end a session by DELETE "
                       "to its Location.");
    }
    path.stream = stream;
    return {};
}

Error no_such_form() {
    return no_such("An endpoint is whip/STREAM to publish or whep/STREAM to "
                   "play, with a name of at most 64 letters, digits, _ and "
                   "-; or whip/?app=live&stream=STREAM.");
}

} // namespace

std::string_view path_of_url(std::string_view url) {
    size_t scheme = url.find("://");
    size_t slash =
        url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
    return slash == std::string_view::npos ? std::string_view()
                                           : url.substr(slash);
}

std::string rtc_credential(const codec::RequestView &request) {
    auto bearer = codec::bearer(request.header("authorization"));
    if (bearer && model::presented_token(*bearer)) {
        return std::string(*bearer);
    }
    for (std::string_view key : {"token", "key"}) {
        auto value = codec::query_value(request.query, key);
        if (value && model::presented_token(*value)) {
            return *value;
        }
    }
    return {};
}

Result<RtcPath> read_rtc_path(const codec::RequestView &request,
                              std::string_view public_path) {
    Parts parts = split(request.uri.substr(request.prefix_len));
    const auto &part = parts.part;
    RtcPath path;
    if (part[0] == "whep" || part[0] == "whip-play") {
        path.action = Action::play;
    } else if (part[0] == "publish" || part[0] == "play") {
        return no_such("SRS's own interface is not offered: publish by WHIP "
                       "at whip/STREAM, play by WHEP at whep/STREAM.");
    } else if (part[0] != "whip") {
        return no_such_form();
    }

    using What = RtcPath::What;
    if (parts.too_many) {
        return no_such_form();
    }
    if (parts.count == 1) {
        auto read = read_query(request.query, path);
        if (!read) {
            return read.error();
        }
    } else if (parts.count == 2) {
        path.stream = part[1];
    } else if (parts.count == 3 && part[1] == kApp) {
        path.stream = part[2]; // no stream of ours is called "live"
    } else if (parts.count == 3) {
        path.what = What::session;
        path.stream = part[1];
        path.session = part[2];
    } else if (part[3] == kEvents) {
        path.what = What::events;
        path.stream = part[1];
        path.session = part[2];
    } else if (part[2] == kEvents) {
        path.what = What::feed;
        path.stream = part[1];
        path.feed = part[3];
    } else {
        return no_such_form();
    }
    bool feeds = path.what == What::events || path.what == What::feed;
    bool named = path.what == What::endpoint && path.stream.empty();
    if ((!named && !codec::is_stream_name(path.stream)) ||
        (feeds && path.action == Action::publish)) {
        return no_such_form();
    }

    std::string_view prefix = request.uri.substr(0, request.prefix_len);
    bool cut_off = !public_path.empty() &&
                   !(prefix.starts_with(public_path) &&
                     prefix.substr(public_path.size()).starts_with('/'));
    path.base = cut_off ? public_path : std::string_view();
    path.base += prefix;
    path.base += path.action == Action::publish ? "whip" : "whep";
    return path;
}

} // namespace ks::gate
