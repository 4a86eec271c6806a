// WHEP's server-sent events on the wire: a feed is made by POST to the
// session's events, read and ended at its own address.

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

Outcome Rtc::events_body(const codec::Request &request) {
    auto kinds = Events::read_kinds(request.body);
    if (!kinds) {
        const Error &e = kinds.error();
        return refusal(request, e.code, e.detail);
    }
    auto session = own_session();
    if (!session) {
        return refusal(request, Code::not_found, "The session has just ended.");
    }
    auto feed = events_.make(*session, *kinds);
    if (!feed) {
        const Error &e = feed.error();
        return refusal(request, e.code, e.detail, e.retry_after_s);
    }
    Outcome out = no_content(request, 201);
    out.session = session->id;
    out.response.set("Location",
                     base_ + '/' + stream_id_.str() + "/events/" + feed->str());
    out.response.set("Cache-Control", "no-store");
    return out;
}

Outcome Rtc::feed_head(const codec::Request &request) {
    Id feed(feed_);
    bool looks = request.method == "HEAD";
    bool reads = request.method == "GET";
    bool ends = request.method == "DELETE";
    if (!looks && !reads && !ends) {
        return wrong_method(request);
    }
    bool there = Id::fits(feed_) && (ends ? events_.end(feed, stream_)
                                          : events_.has(feed, stream_));
    if (!there) {
        return refusal(request, Code::not_found,
                       "There is no such stream of events: it has ended, or "
                       "the address is wrong.");
    }
    stream_id_ = Id(stream_);
    Outcome out = no_content(request, 200);
    if (ends) {
        return out;
    }
    if (reads) {
        auto reader =
            events_.read(feed, stream_, request.header("last-event-id"));
        if (!reader) {
            const Error &e = reader.error();
            return refusal(request, e.code, e.detail, e.retry_after_s);
        }
        out.events = std::move(*reader);
        out.next = Outcome::Next::stream;
    }
    out.response.set("Content-Type", kStreamType);
    out.response.set("Cache-Control", "no-store");
    // other nginx in front: pass it on as it comes
    out.response.set("X-Accel-Buffering", "no");
    return out;
}

} // namespace ks::gate
