#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

namespace rocksdb {
class FileSystem;
}

namespace trunkline::app {

// What the crash drill gives its child by environment variables, so that it kills the very binary that users run:
//   TRUNKLINE_FAILPOINTS   where to die (base/failpoint.hpp)
//   TRUNKLINE_CRASH_DISK   a number: the store lives on a disk that forgets, at a kill, all that was not synced
//   (store/fault_fs.hpp); the
//                          number seeds how much of the last write was torn
//   TRUNKLINE_SMALL_STORE  1: small memtables, so that flushes and compactions come every few hundred events
// None is set in normal operation.
struct CrashDisk {
  std::shared_ptr<rocksdb::FileSystem> file_system;  // null: the real one
};
// Only where to die.
base::Result<void> failpoints_from_environment();
base::Result<CrashDisk> crash_disk_from_environment(const std::string& data_dir);

}  // namespace trunkline::app
