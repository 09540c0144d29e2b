#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "config/config.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::app {

// `inner` with an access token on every request, where the sink is configured to; else `inner` itself. The token endpoint
// is called by a client of its own with the same address rules and authorities as `client`. `shadow`: the options are
// checked, nothing is asked for, and requests carry no token. Errc::invalid names the option.
base::Result<std::unique_ptr<sinks::HttpSender>> with_oauth(std::unique_ptr<sinks::HttpSender> inner,
                                                            const config::Oauth& oauth,
                                                            const net::HttpClientOptions& client, net::IoLoop& loop,
                                                            bool shadow);

}  // namespace trunkline::app
