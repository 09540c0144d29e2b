#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace trunkline::store {

// Files full of zeros, made and synced before they are needed, that become write-ahead logs.
//
// A log that grows has another size after every commit, and the sync of a commit waits for the file system's journal to
// write that down, too. A log that is written over a spare one has its size and its blocks already: 16 KiB and their sync take
// 0.6 of the time on ext4. What is not written yet reads as zeros, which no record begins with: the end of such a log is
// where they begin (wal_scan.hpp). RocksDB's own way, recycle_log_file_num, ends the process in 7.8.3 (MarkLogsSynced).
//
// They are made on a thread of their own, as large as the log whose end was told last, and kMost of them within a limit;
// none where that would take a noticeable part of what is free on the disk. A spare that cannot be made is none: logs
// are then made as ever.
//
// Thread-safe, but for the constructor and stop().
class SpareLogs {
 public:
  static constexpr std::size_t kMost = 2;                 // one is taken while the other is made
  static constexpr std::uint64_t kLeast = 64 << 10;       // a smaller log is not worth it
  static constexpr std::uint64_t kShareOfFreeSpace = 32;  // a spare is at most that part of it

  // Removes what an earlier process left in `directory`, which need not be there. Begins to work. `limit`: bytes of all
  // spares together.
  SpareLogs(std::shared_ptr<rocksdb::FileSystem> files, std::string directory, std::uint64_t limit);
  ~SpareLogs();  // stop()

  // A log of that many bytes is gone: more of its size will come.
  void want(std::uint64_t bytes);
  // The path of a spare, which is no longer this object's.
  std::optional<std::string> take();
  // From now on; what is ready and over it is removed.
  void limit(std::uint64_t bytes);
  // Ends the thread, removes what nobody took.
  void stop();

 private:
  void remove_all();
  void remove(const std::string& path);
  void run();
  bool make(const std::string& path, std::uint64_t bytes);
  rocksdb::IOStatus write_zeros(rocksdb::FSWritableFile& file, std::uint64_t bytes);

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string directory_;
  std::mutex mutex_;  // guards the next four
  std::condition_variable changed_;
  std::uint64_t limit_;
  std::map<std::string, std::uint64_t> ready_;  // their sizes
  std::uint64_t wanted_ = 0;                    // bytes; 0: nothing is to be made
  std::atomic<bool> stopping_{false};
  std::uint64_t made_ = 0;  // for their names; the thread's
  std::thread thread_;
};

}  // namespace trunkline::store
