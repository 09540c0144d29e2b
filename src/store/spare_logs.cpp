#include "store/spare_logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace trunkline::store {

using rocksdb::IOStatus;

namespace {

constexpr std::string_view kPrefix = "spare-";  // a name that RocksDB gives to nothing, and leaves alone
// Written at once, then told to the disk, so that the sync of a whole spare does not stand before that of a commit.
constexpr std::size_t kPiece = 1 << 20;

}  // namespace

SpareLogs::SpareLogs(std::shared_ptr<rocksdb::FileSystem> files, std::string directory, std::uint64_t limit)
    : files_(std::move(files)), directory_(std::move(directory)), limit_(limit) {
  remove_all();
  thread_ = std::thread([this] { run(); });
}

SpareLogs::~SpareLogs() {
  stop();
}

// Of those of an earlier process nobody knows whether they are whole.
void SpareLogs::remove_all() {
  std::vector<std::string> names;
  if (!files_->GetChildren(directory_, {}, &names, nullptr).ok()) return;
  for (const std::string& name : names) {
    if (name.starts_with(kPrefix)) remove(directory_ + "/" + name);
  }
}

void SpareLogs::remove(const std::string& path) {
  files_->DeleteFile(path, {}, nullptr).PermitUncheckedError();
}

void SpareLogs::want(std::uint64_t bytes) {
  if (bytes < kLeast) return;
  const std::lock_guard lock(mutex_);
  wanted_ = bytes;
  changed_.notify_one();
}

void SpareLogs::limit(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
  if (limit_ / kMost < kLeast) wanted_ = 0;
  std::erase_if(ready_, [&](const auto& spare) {
    const bool over = spare.second > limit_ / kMost;
    if (over) remove(spare.first);
    return over;
  });
}

std::optional<std::string> SpareLogs::take() {
  const std::lock_guard lock(mutex_);
  if (ready_.empty()) return std::nullopt;
  std::string path = std::move(ready_.extract(ready_.begin()).key());
  changed_.notify_one();
  return path;
}

void SpareLogs::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.exchange(true)) return;
    changed_.notify_one();
  }
  thread_.join();
  remove_all();
}

void SpareLogs::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || (wanted_ > 0 && ready_.size() < kMost); });
    if (stopping_) return;
    const std::uint64_t bytes = std::min(wanted_, limit_ / kMost);
    const std::string path = fmt::format("{}/{}{}", directory_, kPrefix, ++made_);
    lock.unlock();
    const bool made = bytes >= kLeast && make(path, bytes);
    lock.lock();
    if (!made) {
      wanted_ = 0;  // the next log that is gone asks again
    } else if (bytes > limit_ / kMost) {
      remove(path);  // it has become too large meanwhile
    } else {
      ready_[path] = bytes;
    }
  }
}

bool SpareLogs::make(const std::string& path, std::uint64_t bytes) {
  std::uint64_t free = 0;
  if (!files_->GetFreeSpace(directory_, {}, &free, nullptr).ok() || bytes > free / kShareOfFreeSpace) return false;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = files_->NewWritableFile(path, {}, &file, nullptr);
  if (status.ok()) status = write_zeros(*file, bytes);
  if (status.ok() && !stopping_) return true;
  base::log::debug("no spare write-ahead log could be made", "file", path, "error", status.ToString());
  remove(path);
  return false;
}

IOStatus SpareLogs::write_zeros(rocksdb::FSWritableFile& file, std::uint64_t bytes) {
  static const std::string zeros(kPiece, '\0');
  IOStatus status;
  for (std::uint64_t at = 0; status.ok() && !stopping_ && at < bytes; at += kPiece) {
    const std::size_t piece = std::min<std::uint64_t>(kPiece, bytes - at);
    status = file.Append({zeros.data(), piece}, {}, nullptr);
    if (status.ok()) status = file.RangeSync(at, piece, {}, nullptr);
  }
  if (status.ok() && !stopping_) status = file.Sync({}, nullptr);
  const IOStatus closed = file.Close({}, nullptr);
  return status.ok() ? closed : status;
}

}  // namespace trunkline::store
