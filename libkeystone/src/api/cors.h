// Which pages of other origins may call us: exactly those that are configured.
#pragma once

#include "codec/http.h"
#include "conf/config.h"

#include <string_view>

namespace ks::api {

// Adds to any answer what its request's Origin asks for.
void add_cors(const conf::Config &config, const codec::RequestView &request,
              codec::Response &response);

bool is_preflight(const codec::RequestView &request);
codec::Response preflight(const conf::Config &config,
                          const codec::RequestView &request,
                          std::string_view allowed);

// For what a cookie alone may do: no Origin, our own, or a configured one.
bool origin_is_ours(const conf::Config &config,
                    const codec::RequestView &request);

} // namespace ks::api
