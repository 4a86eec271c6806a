#include "args.h"
#include "codec/json_writer.h"
#include "commands.h"
#include "password_input.h"
#include "store/password.h"

#include <algorithm>
#include <cstdio>

namespace ks::ctl {

namespace {

bool is_email(std::string_view text) {
    size_t at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
           text.size() <= 254 && text.find('@', at + 1) == text.npos &&
           std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return c <= ' ' || c == 127; });
}

Result<std::string> hash_of(Session &session, bool from_stdin) {
    auto password = read_password(from_stdin);
    if (!password) {
        return std::move(password.error());
    }
    size_t length = password->reveal().size();
    if (length == 0 && !from_stdin) {
        return std::string();
    }
    if (length < store::kMinPassword || length > store::kMaxPassword) {
        return Error(Code::weak_password,
                     "a password has " + std::to_string(store::kMinPassword) +
                         " to " + std::to_string(store::kMaxPassword) +
                         " bytes, this one has " + std::to_string(length));
    }
    std::string hash = store::hash_password(
        *password, store::make_salt(session.loop().entropy()));
    if (hash.empty()) {
        return Error(Code::internal, "out of memory");
    }
    return hash;
}

void show(const model::User &user, bool can_log_in, bool json) {
    if (json) {
        codec::JsonWriter out;
        out.begin_object()
            .member("id", user.id.view())
            .member("email", user.email)
            .member("name", user.name)
            .member("role", model::name(user.role));
        out.key("created_at").time(user.created_at);
        out.end_object();
        std::puts(out.take().c_str());
        return;
    }
    Lines lines = {{"user", user.id.str()},
                   {"email", user.email},
                   {"role", std::string(model::name(user.role))}};
    if (!can_log_in) {
        lines.emplace_back("password", "none: nobody can log in");
    }
    print(lines);
}

} // namespace

int user_create(Session &session, const Words &words) {
    auto args = Args::parse(
        words, {"email", "name", "admin!", "password-stdin!", "json!"});
    if (!args) {
        return fail(kUsage, args.error().detail);
    }
    auto email = args->value("email");
    if (!email || !args->words().empty()) {
        return fail(kUsage, "write keystonectl user create --email ADDRESS");
    }
    if (!is_email(*email)) {
        return fail(kUsage, "\"" + *email +
                                "\" is not an e-mail address such as "
                                "ada@example.org");
    }
    auto opened = session.open_store(true);
    if (!opened) {
        return session.not_open(opened.error());
    }
    auto taken = session.run(session.store().users().by_email(*email));
    if (taken) {
        return fail(kRefused, *email + " has an account already");
    }
    auto hash = hash_of(session, args->flag("password-stdin"));
    if (!hash) {
        return fail(hash.error());
    }
    store::NewUser wanted;
    wanted.email = *email;
    wanted.name = args->value("name").value_or("");
    wanted.admin = args->flag("admin");
    wanted.password_hash = *hash;
    auto made = session.run(session.store().users().create(std::move(wanted)));
    if (!made) {
        return session.failed(made.error());
    }
    show(*made, !hash->empty(), args->flag("json"));
    return kDone;
}

} // namespace ks::ctl
