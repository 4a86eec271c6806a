#include "api/stream_json.h"

namespace ks::api {

namespace {

// Of the present broadcast: idle streams have none of it.
struct Now {
    model::Status status;
    const model::Live *live; // null when idle

    Now(bool enabled, const model::Live *l, WallMs now)
        : status(model::status_of(enabled, l, now)), live(l) {
        if (status == model::Status::idle ||
            status == model::Status::disabled) {
            live = nullptr;
        }
    }
    int viewers() const { return live != nullptr ? live->viewers : 0; }
    int peak() const { return live != nullptr ? live->peak_viewers : 0; }
    WallMs started_at() const { return live != nullptr ? live->started_at : 0; }
};

void write_live(codec::JsonWriter &out, const Now &is) {
    out.member("status", model::name(is.status));
    out.member_or_null("ingest_protocol", is.live != nullptr
                                              ? model::name(is.live->protocol)
                                              : std::string_view());
    out.member_time("started_at", is.started_at());
    out.member("viewer_count", is.viewers());
    out.member("peak_viewers", is.peak());
}

void write_playback(codec::JsonWriter &out, std::string_view id,
                    const Bases &bases) {
    out.key("playback").begin_object();
    out.member("whep_url", bases.whep(id));
    out.member("hls_url", bases.playlist(id));
    out.member("page_url", bases.page(id));
    out.end_object();
}

} // namespace

LivePart write_stream(codec::JsonWriter &out, const model::Stream &stream,
                      const model::Live *live, const Bases &bases, WallMs now,
                      std::string_view key) {
    LivePart part;
    Now is(stream.enabled, live, now);
    std::string_view id = stream.id.view();
    out.begin_object();
    out.member("id", id);
    out.member("owner_id", stream.owner_id.view());
    out.member("title", stream.title);
    out.member("description", stream.description);
    out.member("visibility", model::name(stream.visibility));
    out.member("enabled", stream.enabled);
    part.from = out.view().size();
    write_live(out, is);
    part.to = out.view().size();
    out.member_time("last_active_at", stream.last_active_at);
    out.member("max_viewers", stream.max_viewers);
    out.member("reconnect_window_seconds", stream.reconnect_window_seconds);
    out.member("takeover", model::name(stream.takeover));
    out.key("allowed_origins").begin_array();
    for (const std::string &origin : stream.allowed_origins) {
        out.string(origin);
    }
    out.end_array();
    out.key("ingest").begin_object();
    out.member("whip_url", bases.whip(id));
    out.member("rtmp_url", bases.rtmp_url(id));
    out.member("srt_url", bases.srt);
    out.end_object();
    write_playback(out, id, bases);
    out.member("key_prefix", stream.key_prefix);
    out.member_time("key_rotated_at", stream.key_rotated_at);
    out.member_raw("metadata", stream.metadata);
    out.member_time("created_at", stream.created_at);
    out.member_time("updated_at", stream.updated_at);
    if (!key.empty()) {
        out.member("stream_key", key);
    }
    out.end_object();
    return part;
}

std::string live_part(bool enabled, const model::Live *live, WallMs now) {
    codec::JsonWriter out(160);
    out.begin_object();
    write_live(out, Now(enabled, live, now));
    std::string text = out.take();
    text[0] = ','; // it stands behind another member
    return text;
}

void write_public_stream(codec::JsonWriter &out, const model::Stream &stream,
                         const model::Live &live, const Bases &bases,
                         WallMs now) {
    Now is(stream.enabled, &live, now);
    out.begin_object();
    out.member("id", stream.id.view());
    out.member("title", stream.title);
    out.member("description", stream.description);
    out.member("visibility", model::name(stream.visibility));
    out.member("status", model::name(is.status));
    out.member_time("started_at", is.started_at());
    out.member("viewer_count", is.viewers());
    write_playback(out, stream.id.view(), bases);
    out.end_object();
}

std::string status_json(bool enabled, const model::Live *live, WallMs now) {
    Now is(enabled, live, now);
    codec::JsonWriter out(128);
    out.begin_object();
    out.member("live", model::is_playable(is.status));
    out.member("status", model::name(is.status));
    out.member_time("started_at", is.started_at());
    out.member("viewer_count", is.viewers());
    out.end_object();
    return out.take();
}

} // namespace ks::api
