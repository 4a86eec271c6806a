#include "args.h"
#include "codec/json_writer.h"
#include "commands.h"

#include <charconv>
#include <cstdio>

namespace ks::ctl {

namespace {

constexpr Millis kUsualLife = kDay; // as the API has it

std::optional<int> parse_uses(std::string_view text) {
    int n = 0;
    auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc() || end != text.data() + text.size() || n < 1) {
        return std::nullopt;
    }
    return n;
}

void show(const store::CreatedToken &made, bool json) {
    const model::Token &t = made.token;
    if (json) {
        codec::JsonWriter out;
        out.begin_object()
            .member("id", t.id.view())
            .member("stream_id", t.stream_id.view())
            .member("kind", model::name(t.kind))
            .member("token", made.text.reveal());
        out.key("expires_at").time(t.expires_at);
        out.end_object();
        std::puts(out.take().c_str());
        return;
    }
    print({{"token", t.id.str()},
           {"stream", t.stream_id.str()},
           {"kind", std::string(model::name(t.kind))},
           {"expires", rfc3339(t.expires_at)},
           {"secret", std::string(made.text.reveal())},
           {"", "The secret is shown this once."}});
}

// Usage errors first: nothing is opened for them.
Result<model::Token> wanted_by(const Args &args, WallMs now) {
    auto usage = [](const char *text) {
        return Error(Code::invalid_request, text);
    };
    auto stream = args.value("stream");
    auto kind = model::parse_token_kind(args.value("kind").value_or(""));
    if (!stream || !kind || !args.words().empty()) {
        return usage("write keystonectl token create --stream ID "
                     "--kind publish, or --kind play");
    }
    if (!is_id(prefix::kStream, *stream)) {
        return usage("--stream takes the id of a stream: str_ and 22 letters");
    }
    auto ttl = args.value("ttl");
    auto life = ttl ? parse_duration(*ttl) : kUsualLife;
    if (!life) {
        return usage("--ttl is a time such as 90, 30s, 15m, 1h or 7d");
    }
    model::Token wanted;
    if (auto uses = args.value("max-uses")) {
        auto n = parse_uses(*uses);
        if (!n) {
            return usage("--max-uses is a number from 1");
        }
        wanted.max_uses = *n;
    }
    wanted.stream_id = Id(*stream);
    wanted.kind = *kind;
    wanted.label = args.value("label").value_or("");
    wanted.expires_at = now + *life;
    return wanted;
}

} // namespace

int token_create(Session &session, const Words &words) {
    auto args = Args::parse(
        words, {"stream", "kind", "ttl", "label", "max-uses", "json!"});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    auto wanted = wanted_by(*args, session.loop().wall());
    if (!wanted) {
        return fail(kUsage, wanted.error().detail);
    }
    auto opened = session.open_store(false);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto made =
        session.run(session.store().tokens().create(std::move(*wanted)));
    if (!made) {
        return session.failed(made.error());
    }
    show(*made, args->flag("json"));
    return kDone;
}

int token_revoke(Session &session, const Words &words) {
    auto args = Args::parse(words, {});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    if (args->words().size() != 1) {
        return fail(kUsage, "write keystonectl token revoke ID");
    }
    const std::string &id = args->words()[0];
    if (is_id(prefix::kKey, id)) {
        return fail(kRefused, "this is a stream key: reset it, so that the "
                              "stream has another one");
    }
    if (!is_id(prefix::kToken, id)) {
        return fail(kUsage, "token revoke takes the id of a token (tok_ and 22 "
                            "letters), not the token itself");
    }
    auto opened = session.open_store(false);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto revoked = session.run(session.store().tokens().revoke(Id(id)));
    if (!revoked) {
        return session.failed(revoked.error());
    }
    print({{"revoked", id}});
    return kDone;
}

} // namespace ks::ctl
