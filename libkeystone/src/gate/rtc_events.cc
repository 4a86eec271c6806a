// WHEP's server-sent events on the wire: a feed is made by POST to the
// session's events, read and ended at its own address.

#include "gate/hosts.h"
#include "gate/rtc.h"

namespace ks::gate {

namespace {

constexpr int64_t kMaxList = 4096; // bytes of a list of event types
constexpr std::string_view kStreamType = "text/event-stream";

} // namespace

void Rtc::add_events_link(codec::Response &response, const Id &session) const {
    std::string link = "<" + base_ + '/' + stream_id_.str() + '/' +
                       session.str() + "/events>; rel=\"";
    link += Events::kRelation;
    link += "\"; events=\"";
    link += Events::kNames;
    link += '"';
    response.add("Link", link);
}

rt::Task<Outcome> Rtc::events_head(const codec::Request &request) {
    auto refused = co_await may_use(request);
    if (refused) {
        co_return std::move(*refused);
    }
    auto unwanted = wrong_body(request, "application/json", kMaxList);
    if (unwanted) {
        co_return std::move(*unwanted);
    }
    kind_ = Kind::events;
    Outcome out;
    out.next = Outcome::Next::body;
    out.stream = stream_id_;
    co_return out;
}

rt::Task<Outcome> Rtc::events_body(const codec::Request &request) {
    auto kinds = Events::read_kinds(request.body);
    if (!kinds) {
        const Error &e = kinds.error();
        co_return refusal(request, e.code, e.detail);
    }
    auto session = own_session();
    if (!session) {
        co_return refusal(request, Code::not_found,
                          "The session has just ended.");
    }
    auto feed = events_.make(*session, *kinds);
    if (!feed) {
        const Error &e = feed.error();
        co_return refusal(request, e.code, e.detail, e.retry_after_s);
    }
    if (Hosts *hosts = sessions_.hosts()) {
        store::FeedRow row{*feed, session->id, *kinds};
        co_await hosts->share(row);
    }
    Outcome out = no_content(request, 201);
    out.session = session->id;
    out.response.set("Location",
                     base_ + '/' + stream_id_.str() + "/events/" + feed->str());
    out.response.set("Cache-Control", "no-store");
    co_return out;
}

// Several hosts: it may be another one's.
rt::Task<void> Rtc::find_feed() {
    Hosts *hosts = sessions_.hosts();
    Id feed(feed_);
    if (hosts == nullptr || !Events::is_name(feed_) ||
        events_.has(feed, stream_)) {
        co_return;
    }
    auto row = co_await hosts->feed(feed);
    if (row) {
        auto session = sessions_.table().find(row->session, loop_.wall());
        if (session && session->stream_id == stream_) {
            events_.know(feed, *session, row->kinds);
        }
    }
}

rt::Task<Outcome> Rtc::feed_head(const codec::Request &request) {
    Id feed(feed_);
    bool looks = request.method == "HEAD";
    bool reads = request.method == "GET";
    bool ends = request.method == "DELETE";
    if (!looks && !reads && !ends) {
        co_return wrong_method(request);
    }
    co_await find_feed();
    bool there = Id::fits(feed_) && (ends ? events_.end(feed, stream_)
                                          : events_.has(feed, stream_));
    if (!there) {
        co_return refusal(request, Code::not_found,
                          "There is no such stream of events: it has ended, or "
                          "the address is wrong.");
    }
    stream_id_ = Id(stream_);
    Outcome out = no_content(request, 200);
    if (ends) {
        if (Hosts *hosts = sessions_.hosts()) {
            co_await hosts->unshare(feed);
        }
        co_return out;
    }
    if (reads) {
        auto reader =
            events_.read(feed, stream_, request.header("last-event-id"));
        if (!reader) {
            const Error &e = reader.error();
            co_return refusal(request, e.code, e.detail, e.retry_after_s);
        }
        out.events = std::move(*reader);
        out.next = Outcome::Next::stream;
    }
    out.response.set("Content-Type", kStreamType);
    out.response.set("Cache-Control", "no-store");
    // other nginx in front: pass it on as it comes
    out.response.set("X-Accel-Buffering", "no");
    co_return out;
}

} // namespace ks::gate
