#include "store/wal_check.hpp"

#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/log.hpp"
#include "store/wal_scan.hpp"

namespace trunkline::store {
namespace {

using base::Errc;
using base::Error;
using base::Result;

struct Log {
  std::uint64_t number = 0;
  std::string path;
  WalScan scan;
};

Error to_error(const rocksdb::IOStatus& status, std::string_view what, const std::string& path) {
  const Errc code = status.IsNoSpace() ? Errc::disk_full : Errc::unavailable;
  return {code, fmt::format("{} {}: {}", what, path, status.ToString())};
}

// The lock that RocksDB takes, too: a log that another process writes must never be cut.
class Lock {
 public:
  static Result<std::unique_ptr<Lock>> take(rocksdb::FileSystem& files, const std::string& directory) {
    auto lock = std::make_unique<Lock>(files);
    const rocksdb::IOStatus status = files.LockFile(directory + "/LOCK", {}, &lock->lock_, nullptr);
    if (!status.ok())
      return {Errc::unavailable,
              fmt::format("{} is in use: does another trunkline run on it? ({})", directory, status.ToString())};
    return lock;
  }
  explicit Lock(rocksdb::FileSystem& files) : files_(files) {}
  ~Lock() {
    if (lock_ != nullptr) files_.UnlockFile(lock_, {}, nullptr).PermitUncheckedError();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  rocksdb::FileSystem& files_;
  rocksdb::FileLock* lock_ = nullptr;
};

Result<std::vector<Log>> find_logs(rocksdb::FileSystem& files, const std::string& directory) {
  constexpr std::string_view kSuffix = ".log";
  std::vector<std::string> names;
  const rocksdb::IOStatus status = files.GetChildren(directory, {}, &names, nullptr);
  if (!status.ok()) return to_error(status, "list", directory);
  std::vector<Log> logs;
  for (const std::string& name : names) {
    if (!name.ends_with(kSuffix)) continue;
    Log log;
    const char* end = name.data() + name.size() - kSuffix.size();
    if (std::from_chars(name.data(), end, log.number).ptr != end) continue;
    log.path = fmt::format("{}/{}", directory, name);
    logs.push_back(std::move(log));
  }
  std::sort(logs.begin(), logs.end(), [](const Log& one, const Log& other) { return one.number < other.number; });
  return logs;
}

Result<WalScan> scan_file(rocksdb::FileSystem& files, const std::string& path, std::uint64_t floor,
                          bool has_sequences = true) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  WalSource source;
  source.has_sequences = has_sequences;
  rocksdb::IOStatus status = files.GetFileSize(path, {}, &source.size, nullptr);
  if (status.ok() && source.size == 0) return WalScan{0, 0, 0, floor, {}, {}, false};
  if (status.ok()) status = files.NewRandomAccessFile(path, {}, &file, nullptr);
  if (!status.ok()) return to_error(status, "read", path);
  std::string buffer(kWalBlock, '\0');
  source.read = [&](std::uint64_t block) -> Result<std::string_view> {
    const std::uint64_t from = block * kWalBlock;
    const std::size_t want = std::min<std::uint64_t>(kWalBlock, source.size - from);
    rocksdb::Slice got;
    const rocksdb::IOStatus read = file->Read(from, want, {}, &got, buffer.data(), nullptr);
    if (!read.ok()) return to_error(read, "read", path);
    if (got.size() != want)
      return {Errc::unavailable, fmt::format("read {}: {} bytes at {} instead of {}", path, got.size(), from, want)};
    return std::string_view(got.data(), got.size());
  };
  return scan_wal(source, floor);
}

Error refusal(const Log& log, const std::string& proof) {
  return {Errc::corrupt,
          fmt::format("write-ahead log {} is damaged at byte {}, and that is no torn tail: {}. Nothing was touched. "
                      "Restore the data directory from a backup; or keep a copy of it, give up every event accepted "
                      "after that point with `truncate -s {} {}` (and remove logs of higher numbers), and start again",
                      log.path, *log.scan.bad_at, proof, log.scan.good_end, log.path)};
}

// Why damage cannot be a torn tail; null when it can.
std::string proof_against_torn_tail(const std::vector<Log>& logs, std::size_t damaged) {
  const WalScan& scan = logs[damaged].scan;
  if (scan.behind) return fmt::format("a later record stands whole behind it, at byte {}", *scan.behind);
  if (scan.one_bit) return "one flipped bit explains it";
  for (std::size_t later = damaged + 1; later < logs.size(); ++later) {
    const WalScan& other = logs[later].scan;
    if (other.sequence > scan.sequence || other.behind) return fmt::format("{} holds later records", logs[later].path);
  }
  return {};
}

Result<void> cut(rocksdb::FileSystem& files, const Log& log) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = files.ReopenWritableFile(log.path, {}, &file, nullptr);
  if (status.ok()) status = file->Truncate(log.scan.good_end, {}, nullptr);
  if (status.ok()) status = file->Fsync({}, nullptr);
  if (status.ok()) status = file->Close({}, nullptr);
  if (!status.ok()) return to_error(status, "cut the tail of", log.path);
  return {};
}

void tell_of_drop(const Log& log) {
  base::log::warn("a torn tail of the write-ahead log was dropped: a write that was cut short and never acknowledged",
                  "file", log.path, "records", log.scan.records, "bytes_kept", log.scan.good_end, "bytes_dropped",
                  log.scan.size - log.scan.good_end);
}

}  // namespace

Result<std::vector<WalDrop>> check_wals(rocksdb::FileSystem& files, const std::string& directory) {
  if (files.FileExists(directory, {}, nullptr).IsNotFound()) return std::vector<WalDrop>();
  TRUNKLINE_TRY(const auto lock, Lock::take(files, directory));
  TRUNKLINE_TRY(std::vector<Log> logs, find_logs(files, directory));
  std::uint64_t floor = 0;
  for (Log& log : logs) {
    TRUNKLINE_TRY(log.scan, scan_file(files, log.path, floor));
    floor = log.scan.sequence;
  }
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (!logs[i].scan.bad_at) continue;
    if (const std::string proof = proof_against_torn_tail(logs, i); !proof.empty()) return refusal(logs[i], proof);
  }
  std::vector<WalDrop> dropped;
  for (const Log& log : logs) {
    if (log.scan.good_end < log.scan.size) TRUNKLINE_TRY_VOID(cut(files, log));
    if (!log.scan.bad_at) continue;
    tell_of_drop(log);
    dropped.push_back({log.path, log.scan.good_end, log.scan.size - log.scan.good_end});
  }
  return dropped;
}

Result<void> check_manifest(rocksdb::FileSystem& files, const std::string& directory) {
  if (files.FileExists(directory, {}, nullptr).IsNotFound()) return {};
  std::vector<std::string> names;
  const rocksdb::IOStatus status = files.GetChildren(directory, {}, &names, nullptr);
  if (!status.ok()) return to_error(status, "list", directory);
  const bool has_current = std::find(names.begin(), names.end(), "CURRENT") != names.end();
  for (const std::string& name : names) {
    if (!has_current && (name.ends_with(".sst") || name.ends_with(".log"))) {
      return {Errc::corrupt, fmt::format("{} holds {} but no CURRENT file. Nothing was touched: put CURRENT back, or "
                                         "restore the data directory from a backup",
                                         directory, name)};
    }
    if (!has_current || !name.starts_with("MANIFEST-")) continue;
    const std::string path = fmt::format("{}/{}", directory, name);
    TRUNKLINE_TRY(const WalScan scan, scan_file(files, path, 0, false));
    if (!scan.behind && !scan.one_bit) continue;
    return {Errc::corrupt, fmt::format("{} is damaged at byte {}, and that is no write that was cut short. Nothing was "
                                       "touched: restore the data directory from a backup",
                                       path, *scan.bad_at)};
  }
  return {};
}

}  // namespace trunkline::store
