// GET /v1/streams/{id}/connect: what to paste into an encoder.
//
// The key is not known here any more: STREAM_KEY stands where it goes.
#include "api/handlers.h"

#include "codec/json_writer.h"

namespace ks::api {

namespace {

constexpr std::string_view kKey = "STREAM_KEY";

std::string ffmpeg_line(const std::string &url) {
    return "ffmpeg -re -i INPUT -c:v libx264 -preset veryfast -tune "
           "zerolatency -g 60 -pix_fmt yuv420p -c:a aac -b:a 128k -ar 44100 "
           "-f flv '" +
           url + "'";
}

} // namespace

Reply connect_stream(Context &ctx, Call &call) {
    auto stream = co_await stream_of(ctx, call);
    if (!stream) {
        co_return refuse(call, stream.error());
    }
    Bases bases = ctx.urls.bases(call.request);
    std::string id = stream->id.str();
    std::string name = id + "?key=";
    name += kKey;
    std::string rtmp = bases.rtmp + "/" + name;
    std::string srt = bases.srt_publish(id, kKey);
    bool srs = ctx.urls.has_srs();

    codec::JsonWriter out(2048);
    out.begin_object();
    out.member("stream_id", id);
    out.member("key_placeholder", kKey);
    out.member("key_prefix", stream->key_prefix);
    out.key("whip").begin_object();
    out.member("available", srs);
    out.member("url", bases.whip(id));
    out.member("bearer_token", kKey);
    out.end_object();
    out.key("rtmp").begin_object();
    out.member("available", true);
    out.member("server", bases.rtmp);
    out.member("key", name);
    out.member("url", rtmp);
    out.end_object();
    out.key("srt").begin_object();
    out.member("available", srs);
    out.member("url", srt);
    out.end_object();
    out.member("ffmpeg", ffmpeg_line(rtmp));
    out.key("obs").begin_object();
    out.key("rtmp").begin_object();
    out.member("service", "Custom");
    out.member("server", bases.rtmp);
    out.member("stream_key", name);
    out.end_object();
    out.key("whip").begin_object();
    out.member("service", "WHIP");
    out.member("server", bases.whip(id));
    out.member("bearer_token", kKey);
    out.end_object();
    out.end_object();
    out.end_object();
    co_return json_answer(200, out.take());
}

} // namespace ks::api
