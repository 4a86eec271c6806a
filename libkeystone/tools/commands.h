// One function for each command; `words` are those after its name.
#pragma once

#include "session.h"

#include <string>
#include <vector>

namespace ks::ctl {

using Words = std::vector<std::string>;

int migrate(Session &session, const Words &words);
int user_create(Session &session, const Words &words);
int stream_create(Session &session, const Words &words);
int token_create(Session &session, const Words &words);
int token_revoke(Session &session, const Words &words);
int node_list(Session &session, const Words &words);
int node_drain(Session &session, const Words &words);
int node_undrain(Session &session, const Words &words);
int import(Session &session, const Words &words);
int check(const Words &words);

} // namespace ks::ctl
