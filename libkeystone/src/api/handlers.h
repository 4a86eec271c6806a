// All handlers, as routes.cc names them; each in the file of its resource.
#pragma once

#include "api/answer.h"
#include "api/context.h"
#include "api/router.h"

namespace ks::api {

using Reply = rt::Task<codec::Response>;
using Quick = std::optional<codec::Response>;

// auth.cc, auth_session.cc
Reply register_user(Context &ctx, Call &call);
Reply log_in(Context &ctx, Call &call);
Reply refresh_login(Context &ctx, Call &call);
Reply log_out(Context &ctx, Call &call);
Reply get_me(Context &ctx, Call &call);
Reply patch_me(Context &ctx, Call &call);

// auth_account.cc
Reply change_password(Context &ctx, Call &call);
Reply list_logins(Context &ctx, Call &call);
Reply end_login(Context &ctx, Call &call);

// streams.cc
Reply create_stream(Context &ctx, Call &call);
Reply get_stream(Context &ctx, Call &call);
Quick get_stream_cached(Context &ctx, const codec::RequestView &request,
                        const Ask &ask, Labels &labels);
Reply patch_stream(Context &ctx, Call &call);
Reply delete_stream(Context &ctx, Call &call);

// stream_actions.cc
Reply reset_key(Context &ctx, Call &call);
Reply enable_stream(Context &ctx, Call &call);
Reply disable_stream(Context &ctx, Call &call);

// kick.cc
Reply kick_publisher(Context &ctx, Call &call);

// stream_list.cc
Reply list_streams(Context &ctx, Call &call);
Quick list_streams_cached(Context &ctx, const codec::RequestView &request,
                          const Ask &ask, Labels &labels);

// live_streams.cc
Reply list_live(Context &ctx, Call &call);
Quick list_live_cached(Context &ctx, const codec::RequestView &request,
                       const Ask &ask, Labels &labels);

// stream_status.cc
Reply stream_status(Context &ctx, Call &call);
Quick stream_status_cached(Context &ctx, const codec::RequestView &request,
                           const Ask &ask, Labels &labels);

// connect.cc
Reply connect_stream(Context &ctx, Call &call);

// hooks.cc
Reply srs_hook(Context &ctx, Call &call);
std::optional<Error> check_hook_secret(const Context &ctx,
                                       const codec::RequestView &request);

// sessions.cc
Reply list_sessions(Context &ctx, Call &call);
Reply list_stream_sessions(Context &ctx, Call &call);
Reply get_session(Context &ctx, Call &call);
Reply kick_session(Context &ctx, Call &call);

// kick.cc: at whichever host it is, and its credential and address stay out of
// this one for `ban`.  Whether it lived; error: its host was not told.
rt::Task<Result<bool>> kick(Context &ctx, model::Session session, Millis ban);
// kick.cc: out of the other hosts, too.  Error: of this one alone.
rt::Task<Result<void>> share_ban(Context &ctx, model::Session session,
                                 Millis ban);

// nodes.cc
Reply list_nodes(Context &ctx, Call &call);

// tokens.cc
Reply create_token(Context &ctx, Call &call);
Reply list_tokens(Context &ctx, Call &call);
Reply revoke_token(Context &ctx, Call &call);

// The stream of the path if the caller may see it, else not_found.
rt::Task<Result<model::Stream>> stream_of(Context &ctx, const Call &call);

} // namespace ks::api
