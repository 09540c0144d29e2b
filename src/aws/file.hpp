#pragma once

#include <string>

#include "base/result.hpp"

namespace trunkline::aws {

// A token, a key or one of the shared files: read anew each time, since others renew them. Errc::not_found where there is
// none; Errc::too_large above 1 MiB; Errc::unavailable names the path and what the system says. Reads a small file: on a
// loop only where credentials are renewed, a few times an hour.
base::Result<std::string> read_small_file(const std::string& path);

}  // namespace trunkline::aws
