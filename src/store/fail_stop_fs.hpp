#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "store/spare_logs.hpp"

namespace trunkline::store {

// The file system under RocksDB that stops at the first error of a write-ahead log, so that what follows is ours to
// decide: the store is closed and opened again (DESIGN section 5, EIO on sync is fatal).
//
// RocksDB 7.8.3 as Debian builds it, with assertions, ends the process when a log is written or synced after an error
// of that log, as the thread of a flush and the one that commits do to each other. So the error is kept here and RocksDB
// is told nothing of it: from then on operations on logs succeed without effect, and every other change to the disk
// fails. Memtables may hold what no log has; none of it can reach a table or the manifest any more.
//
// Logs are the files `*.log` in `directory`: the copies of a checkpoint elsewhere are not. A new one is written over a spare
// one where there is one (spare_logs.hpp); its size is then what has been written, until it is closed and cut there.
//
// Whoever writes asks error() after each write and sync: success is theirs only while it is OK. Thread-safe.
class FailStopFs final : public rocksdb::FileSystemWrapper {
 public:
  FailStopFs(const std::shared_ptr<rocksdb::FileSystem>& target, const std::string& directory,
             std::uint64_t spare_log_bytes);
  ~FailStopFs() override;

  const char* Name() const override { return "trunkline.fail_stop"; }

  // The first error of a log since reset().
  rocksdb::IOStatus error() const;
  // Takes changes again, without spare logs; only while no database is open on it.
  void reset();
  // From now on. Whoever calls has made sure that no other process has the database open.
  void begin_spare_logs();
  // Bytes of all spare logs; any thread.
  void limit_spare_logs(std::uint64_t bytes);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& path, size_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options, uint64_t* size,
                                rocksdb::IODebugContext* debug) override;

  struct Latch;
  struct Written;

 private:
  bool is_log(const std::string& path) const;
  std::unique_ptr<rocksdb::FSWritableFile> wrap(const std::string& path, std::unique_ptr<rocksdb::FSWritableFile> file);

  const std::string directory_;
  std::shared_ptr<Latch> latch_;
  std::shared_ptr<Written> written_;  // what is in logs that are written over spare ones just now
  std::mutex spares_mutex_;           // guards the limit, and the pointer while no database is open
  std::uint64_t spares_limit_;
  std::unique_ptr<SpareLogs> spares_;
};

}  // namespace trunkline::store
