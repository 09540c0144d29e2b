#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/fault_fs.hpp"

namespace trunkline::store {

// A file of FaultDisk: `base` bytes on the real disk, then `tail` in memory, then what it lies over. FaultDisk's lock guards
// all of it.
struct FaultFile {
  static constexpr std::uint64_t kNoCut = UINT64_MAX;

  ~FaultFile();

  std::string backing;           // the real path of the inode; empty while it has none
  std::set<std::string> synced;  // the real names of the inode, `.unlinked-*` not counted
  std::uint64_t inode = 0;       // of a file that was found on the disk, to know its other names by
  std::uint64_t base = 0;        // bytes of the backing that the view begins with
  std::uint64_t beneath = 0;     // of a file that is written over: where what was there ends; on the real disk
  std::uint64_t cut = kNoCut;    // the next sync truncates the backing to this before it writes
  std::string tail;
  // After a failed sync: the tail stays readable here for good, its first `settled` bytes are lost or synced already.
  bool lost_bytes = false;
  std::size_t settled = 0;
  std::uint32_t links = 0;  // names in the process's view
  int descriptor = -1;

  std::uint64_t written() const { return base + tail.size(); }
  std::uint64_t size() const { return std::max(written(), beneath); }
};
using FaultFilePtr = std::shared_ptr<FaultFile>;

// The strict disk behind FaultFs: which bytes and names the process sees, and which of them the real directory holds.
// Paths are absolute and normal, and lie under the root. Thread-safe; one lock, held over real writes of a sync, which
// go to the page cache.
//
// Errors: Errc::not_found; Errc::disk_full over the space budget; Errc::unavailable for anything else that the real
// disk answered and for every change after freeze().
class FaultDisk {
 public:
  explicit FaultDisk(const FaultFsOptions& options);

  // Removes left-overs and makes the root if it is not there.
  base::Result<void> start();

  enum class Mode : std::uint8_t { truncate, append, overwrite };
  // `overwrite`: from its begin, a file that is there and synced.
  base::Result<FaultFilePtr> open_write(const std::string& path, Mode mode);
  base::Result<FaultFilePtr> open_read(const std::string& path);
  base::Result<void> append(FaultFile& file, std::string_view bytes);
  base::Result<void> truncate(FaultFile& file, std::uint64_t size);
  base::Result<void> sync(FaultFile& file);
  // What a failed fsync(2) leaves: the unsynced bytes never reach the disk.
  void lose_unsynced(FaultFile& file);
  // Returns the number of bytes read; less than `size` only at the end.
  base::Result<std::size_t> read(FaultFile& file, std::uint64_t offset, std::size_t size, char* target);
  std::uint64_t size(const FaultFile& file) const;

  bool exists(const std::string& path);
  base::Result<std::uint64_t> file_size(const std::string& path);
  // Empty: the file has no bytes on the disk yet.
  base::Result<std::string> backing(const std::string& path);
  base::Result<std::uint64_t> link_count(const std::string& path);
  base::Result<bool> same(const std::string& one, const std::string& other);
  base::Result<std::vector<std::string>> children(const std::string& directory);
  base::Result<void> remove(const std::string& path);
  base::Result<void> rename(const std::string& source, const std::string& target);
  base::Result<void> link(const std::string& source, const std::string& target);
  base::Result<void> sync_directory(const std::string& directory);
  // At once on the real disk, changes of names within included.
  base::Result<void> rename_directory(const std::string& source, const std::string& target);
  base::Result<void> remove_directory(const std::string& directory);

  // Tears write-ahead logs (names in `.log`) and freezes.
  void power_cut(TornTail torn);
  void set_space_budget(std::uint64_t bytes);
  std::uint64_t space_used() const;
  // What is left of the budget; the greatest number where there is none.
  std::uint64_t space_free() const;

 private:
  struct Change {
    enum class Kind : std::uint8_t { put, rename, remove };
    Kind kind;
    std::string name;    // put, remove; target of a rename
    std::string source;  // of a rename
    FaultFilePtr file;   // put, rename
  };

  FaultFilePtr find(const std::string& path);
  void adopt(const std::string& path);
  void shorten(FaultFile& file, std::uint64_t size);
  void unlink_view(const std::string& path);
  base::Result<void> require_thawed() const;
  base::Result<std::size_t> read_over(FaultFile& file, std::uint64_t offset, std::uint64_t end, char* target);
  base::Result<void> require_descriptor(FaultFile& file);
  base::Result<void> write_tail(FaultFile& file);
  base::Result<void> apply(const Change& change);
  base::Result<void> apply_rename(const Change& change);
  base::Result<void> apply_put(const std::string& name, const FaultFilePtr& file);
  base::Result<void> release(const std::string& name);
  base::Result<void> sync_directory_locked(const std::string& directory);
  base::Result<void> sync_below(const std::string& directory);
  void rekey(const std::string& source, const std::string& target);
  std::string hidden_name(const std::string& directory);
  void tear(FaultFile& file, TornTail torn);

  const std::string root_;
  const std::string
      hidden_prefix_;  // differs between instances: one that is dropped late removes no file of its successor
  const bool real_fsync_;
  mutable std::mutex mutex_;
  std::map<std::string, FaultFilePtr> view_;            // names as the process sees them
  std::map<std::string, FaultFilePtr> synced_;          // names as the real disk has them
  std::map<std::string, std::vector<Change>> changes_;  // by directory, in order; emptied by its sync
  std::uint64_t hidden_count_ = 0;
  std::uint64_t budget_ = 0;
  std::uint64_t used_ = 0;  // sizes of all files in the view
  bool frozen_ = false;
  std::mt19937_64 random_;
};

inline constexpr std::string_view kHiddenPrefix = ".unlinked-";

}  // namespace trunkline::store
