#include "api/stream_input.h"

#include "codec/json_writer.h"
#include "model/policy.h"

#include <functional>

namespace ks::api {

namespace {

constexpr int64_t kMaxViewers = 10'000'000;
constexpr int64_t kMaxWindow = 600;

// null says "as a new stream has it".
template <class T, class U>
void take(std::optional<T> &to, codec::Field<U> from, T otherwise) {
    if (from) {
        to = static_cast<T>(*from);
    } else if (from.is_null()) {
        to = std::move(otherwise);
    }
}

} // namespace

StreamInput read_stream_input(const codec::Json &body, bool creating) {
    const model::Stream usual;
    StreamInput input;
    store::StreamPatch &p = input.patch;
    codec::FieldReader in(body);
    const codec::Need or_null{.nullable = true};

    take<std::string>(
        p.title,
        in.string("title", {.min = 1, .max = 200, .required = creating}), {});
    take<std::string>(p.description,
                      in.string("description",
                                {.max = 5000, .nullable = true, .lines = true}),
                      {});
    take(p.visibility,
         in.choice<model::Visibility>("visibility", model::parse_visibility,
                                      "public, unlisted or private", or_null),
         usual.visibility);
    take(p.enabled, in.boolean("enabled", or_null), usual.enabled);
    take(p.max_viewers,
         in.integer("max_viewers", {.max = kMaxViewers, .nullable = true}),
         usual.max_viewers);
    take(p.reconnect_window_seconds,
         in.integer("reconnect_window_seconds",
                    {.max = kMaxWindow, .nullable = true}),
         usual.reconnect_window_seconds);
    take(p.takeover,
         in.choice<model::Takeover>("takeover", model::parse_takeover,
                                    "same_credential, reject or replace",
                                    or_null),
         usual.takeover);
    take(p.allowed_origins,
         in.strings("allowed_origins",
                    {.max_joined = model::kMaxOriginsText,
                     .nullable = true,
                     .valid = model::is_origin,
                     .hint = "an origin such as https://example.org"}),
         usual.allowed_origins);
    take(p.metadata,
         in.object("metadata", {.max_bytes = kMaxMetadata, .nullable = true}),
         usual.metadata);
    if (p.metadata) {
        input.metadata = body["metadata"];
    }
    input.wrong = in.finish();
    return input;
}

model::Stream new_stream(const store::StreamPatch &given, const Id &owner) {
    model::Stream s;
    s.owner_id = owner;
    s.title = given.title.value_or("");
    s.description = given.description.value_or("");
    s.visibility = given.visibility.value_or(s.visibility);
    s.enabled = given.enabled.value_or(s.enabled);
    s.max_viewers = given.max_viewers.value_or(s.max_viewers);
    s.reconnect_window_seconds =
        given.reconnect_window_seconds.value_or(s.reconnect_window_seconds);
    s.takeover = given.takeover.value_or(s.takeover);
    s.allowed_origins = given.allowed_origins.value_or(s.allowed_origins);
    s.metadata = given.metadata.value_or(s.metadata);
    return s;
}

namespace {

void merge_into(codec::JsonWriter &out, const codec::Json &target,
                const codec::Json &patch) {
    using Kind = codec::Json::Kind;
    if (!patch.is_object()) {
        patch.write(out);
        return;
    }
    out.begin_object();
    if (target.is_object()) {
        target.each_key([&](std::string_view key) {
            codec::Json change = patch[key];
            if (change.kind() == Kind::absent) {
                out.key(key);
                target[key].write(out);
            } else if (change.kind() != Kind::null) {
                out.key(key);
                merge_into(out, target[key], change);
            }
        });
    }
    patch.each_key([&](std::string_view key) {
        bool known = target.is_object() && target[key].kind() != Kind::absent;
        codec::Json value = patch[key];
        if (!known && value.kind() != Kind::null) {
            out.key(key);
            merge_into(out, codec::Json(), value);
        }
    });
    out.end_object();
}

} // namespace

std::string merge_patch(const codec::Json &target, const codec::Json &patch) {
    codec::JsonWriter out;
    merge_into(out, target, patch);
    return out.take();
}

} // namespace ks::api
