#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace trunkline::store {

// `DIRECTORY/FORMAT` holds "trunkline N\n". Read before the store is opened, since opening writes. A directory that
// does not exist or is empty gets one (written to a temporary name, synced, renamed). Errc::unsupported: a newer
// version, left untouched. Errc::corrupt: no such line. Errc::conflict: a directory with other files and no FORMAT.
base::Result<void> check_format_file(const std::string& directory, std::uint32_t version);
// The same without writing anything: false where there is none yet and one would be made.
base::Result<bool> has_format_file(const std::string& directory, std::uint32_t version);
// After check_format_file() and a successful open of what lies there: an older format becomes `version`, so that the
// older program refuses what it does not know. Atomic.
base::Result<void> raise_format_file(const std::string& directory, std::uint32_t version);

// Brings the names in a directory to the disk. Errc::unavailable, Errc::disk_full.
base::Result<void> sync_directory(const std::string& directory);
// Brings what was written to a file to the disk, by whomever. Errors alike.
base::Result<void> sync_file(const std::string& path);

}  // namespace trunkline::store
