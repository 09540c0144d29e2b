#pragma once

#include <vector>

#include "base/clock.hpp"
#include "config/config.hpp"
#include "net/tls.hpp"

namespace trunkline::app {

// For listen_tls; only meaningful when that is set.
net::TlsOptions tls_options(const config::Config& config);

// Reads the files of `tls` and of the sinks: an error for what keeps the listener from starting or a sink from
// connecting (missing, damaged, a key of another certificate) and for a certificate that peers would refuse (not valid
// now), a warning for one that ends within 30 days.
std::vector<config::Diagnostic> inspect_tls(const config::Config& config, base::WallTime now);

}  // namespace trunkline::app
