#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/fault_rules.hpp"

namespace rocksdb {
class FileSystem;
}

namespace trunkline::store {

enum class TornTail : std::uint8_t {
  none,          // unsynced bytes are gone
  prefix,        // a random part of a write-ahead log's unsynced bytes reached the disk
  zero_tail,     // the same, and the rest of the unsynced length reads as zeros (size written before data)
  garbage_tail,  // the same, and the rest reads as random bytes
};

struct FaultFsOptions {
  std::string root;        // made if missing; paths outside of it go to the real file system
  std::uint64_t seed = 1;  // of shares, flips and torn tails
  TornTail torn_tail = TornTail::none;
  // Without it a sync writes to the page cache only: enough where the process is killed and the machine is not.
  bool real_fsync = false;
};

// A file system for RocksDB on which killing the process is a power cut, and whose operations can be made to fail.
//
// At every instant the real directory holds what a strict disk would hold after a power cut at that instant:
//   - appended bytes stay in this process's memory until their file is synced; truncation likewise;
//   - a created, renamed, linked or deleted name reaches the disk, in the order of the operations, when its directory is
//     synced. Until then the synced bytes of a file without a name lie in a file `.unlinked-<n>`, which the next start removes;
//   - after a failed sync the bytes that it covered can still be read, and no later sync brings them to the disk (this is what
//     Linux does since 4.13: the pages are marked clean).
// The process itself sees every change at once. RangeSync promises nothing, as sync_file_range(2).
//
// Directories are made, renamed and removed on the real disk at once. `LOG`, `LOG.old.*` and `LOCK` are passed through,
// since no recovery depends on them. A file that is opened by ReuseWritableFile must be synced, and is written over from its
// begin: what is not written yet keeps its bytes. Direct and memory-mapped I/O, positioned writes and RandomRWFile are refused
// with NotSupported. Memory: all unsynced bytes, of which RocksDB bounds the sizes (a log's until sync, a table's until it is
// done).
//
// Thread-safe. What file_system() returns shares the state and may outlive this object.
class FaultFs {
 public:
  // Removes `.unlinked-*` of an earlier process.
  static base::Result<std::unique_ptr<FaultFs>> open(FaultFsOptions options);
  ~FaultFs();

  std::shared_ptr<rocksdb::FileSystem> file_system() const;

  void inject(FaultRule rule);
  void clear_faults();
  FaultCounts counts() const;

  // Bytes that all files under the root may have together; appends over it fail with NoSpace. 0: no limit.
  void set_space_budget(std::uint64_t bytes);
  std::uint64_t space_used() const;
  // Called on the syncing thread before each sync of a file, with no lock held; it may block. Null: none.
  void before_sync(std::function<void(const std::string& path)> hook);

  // Tears logs as the options say and freezes the disk: from then on every write, sync and change of names fails and
  // nothing reaches the disk. The caller then kills the process, or drops the object and opens what is left.
  void power_cut();

  // Turns one bit of a file on the real disk.
  static base::Result<void> flip_bit(const std::string& path, std::uint64_t byte_offset, unsigned bit);

  struct State;

 private:
  explicit FaultFs(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace trunkline::store
