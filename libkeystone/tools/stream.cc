#include "args.h"
#include "codec/json_writer.h"
#include "commands.h"

#include <cstdio>

namespace ks::ctl {

namespace {

constexpr size_t kMaxTitle = 200;

void show(const store::CreatedStream &made, bool json) {
    const model::Stream &s = made.stream;
    if (json) {
        codec::JsonWriter out;
        out.begin_object()
            .member("id", s.id.view())
            .member("owner_id", s.owner_id.view())
            .member("title", s.title)
            .member("visibility", model::name(s.visibility))
            .member("stream_key", made.key.reveal());
        out.key("created_at").time(s.created_at);
        out.end_object();
        std::puts(out.take().c_str());
        return;
    }
    print({{"stream", s.id.str()},
           {"title", s.title},
           {"visibility", std::string(model::name(s.visibility))},
           {"stream key", std::string(made.key.reveal())},
           {"", "The key is shown this once."}});
}

} // namespace

int stream_create(Session &session, const Words &words) {
    auto args = Args::parse(words, {"owner", "title", "visibility", "json!"});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    auto owner = args->value("owner");
    auto title = args->value("title");
    if (!owner || !title || !args->words().empty()) {
        return fail(kUsage, "write keystonectl stream create --owner ADDRESS "
                            "--title TITLE");
    }
    if (title->empty() || title->size() > kMaxTitle) {
        return fail(kUsage, "a title has 1 to 200 bytes");
    }
    auto visibility =
        model::parse_visibility(args->value("visibility").value_or("unlisted"));
    if (!visibility) {
        return fail(kUsage, "--visibility is public, unlisted or private");
    }
    auto opened = session.open_store(false);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto user = session.run(session.store().users().by_email(*owner));
    if (!user) {
        bool none = user.error().code == Code::not_found;
        return none ? fail(kRefused,
                           *owner +
                               " has no account: make it with keystonectl "
                               "user create --email " +
                               *owner)
                    : session.failed(user.error());
    }
    model::Stream wanted;
    wanted.owner_id = user->user.id;
    wanted.title = *title;
    wanted.visibility = *visibility;
    auto made =
        session.run(session.store().streams().create(std::move(wanted)));
    if (!made) {
        return session.failed(made.error());
    }
    show(*made, args->flag("json"));
    return kDone;
}

} // namespace ks::ctl
