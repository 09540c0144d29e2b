#include "store/fail_stop_fs.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace trunkline::store {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct FailStopFs::Latch {
  std::atomic<bool> set{false};
  std::mutex mutex;  // guards first
  IOStatus first;

  void keep(const IOStatus& error) {
    const std::lock_guard lock(mutex);
    if (set.load()) return;
    first = error;
    set.store(true);
  }
  IOStatus refuse_if_set() const {
    return set.load() ? IOStatus::IOError("the store has stopped after an error of its log") : IOStatus::OK();
  }
};

// By path, in bytes. A log is here from when it takes a spare's place until it is closed.
struct FailStopFs::Written {
  std::mutex mutex;
  std::map<std::string, std::uint64_t> bytes;

  void set(const std::string& path, std::uint64_t size) {
    const std::lock_guard lock(mutex);
    bytes[path] = size;
  }
  void forget(const std::string& path) {
    const std::lock_guard lock(mutex);
    bytes.erase(path);
  }
  std::optional<std::uint64_t> of(const std::string& path) {
    const std::lock_guard lock(mutex);
    const auto found = bytes.find(path);
    if (found == bytes.end()) return std::nullopt;
    return found->second;
  }
};

namespace {

using LatchPtr = std::shared_ptr<FailStopFs::Latch>;

// A write-ahead log: errors are kept, not passed on.
class LogFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<FSWritableFile> target, LatchPtr latch)
      : FSWritableFileOwnerWrapper(std::move(target)), latch_(std::move(latch)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return guarded([&] { return target()->Append(data, options, info, debug); });
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->Truncate(size, options, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return guarded([&] { return target()->RangeSync(offset, size, options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus closed = target()->Close(options, debug);
    if (!closed.ok()) latch_->keep(closed);
    return IOStatus::OK();
  }

 protected:
  bool stopped() const { return latch_->set.load(); }

 private:
  template <class Operation>
  IOStatus guarded(Operation operation) {
    if (stopped()) return IOStatus::OK();
    const IOStatus status = operation();
    if (!status.ok()) latch_->keep(status);
    return IOStatus::OK();
  }
  const LatchPtr latch_;
};

// One in a spare's place. What it says of its size is what was written: a copy of it that is made meanwhile (of a checkpoint)
// must not read zeros where a record will stand a moment later.
class OverwrittenLogFile final : public LogFile {
 public:
  OverwrittenLogFile(std::unique_ptr<FSWritableFile> target, LatchPtr latch,
                     std::shared_ptr<FailStopFs::Written> written, std::string path)
      : LogFile(std::move(target), std::move(latch)), written_(std::move(written)), path_(std::move(path)) {
    written_->set(path_, 0);
  }
  ~OverwrittenLogFile() override { written_->forget(path_); }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return count(data.size(), LogFile::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return count(data.size(), LogFile::Append(data, options, info, debug));
  }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    // For tidiness: zeros behind the last record say the same.
    if (!stopped()) target()->Truncate(size_, options, debug).PermitUncheckedError();
    const IOStatus closed = LogFile::Close(options, debug);
    written_->forget(path_);
    return closed;
  }

 private:
  IOStatus count(std::size_t size, IOStatus status) {
    size_ += size;
    written_->set(path_, size_);
    return status;
  }
  const std::shared_ptr<FailStopFs::Written> written_;
  const std::string path_;
  std::uint64_t size_ = 0;
};

// Any other file: refuses changes once a log has failed.
class OtherFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  OtherFile(std::unique_ptr<FSWritableFile> target, LatchPtr latch)
      : FSWritableFileOwnerWrapper(std::move(target)), latch_(std::move(latch)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const IOStatus stopped = latch_->refuse_if_set();
    return stopped.ok() ? target()->Append(data, options, debug) : stopped;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    const IOStatus stopped = latch_->refuse_if_set();
    return stopped.ok() ? target()->Append(data, options, info, debug) : stopped;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus stopped = latch_->refuse_if_set();
    return stopped.ok() ? target()->Sync(options, debug) : stopped;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus stopped = latch_->refuse_if_set();
    return stopped.ok() ? target()->Fsync(options, debug) : stopped;
  }

 private:
  const LatchPtr latch_;
};

}  // namespace

FailStopFs::FailStopFs(const std::shared_ptr<rocksdb::FileSystem>& target, const std::string& directory,
                       std::uint64_t spare_log_bytes)
    : FileSystemWrapper(target),
      directory_(directory),
      latch_(std::make_shared<Latch>()),
      written_(std::make_shared<Written>()),
      spares_limit_(spare_log_bytes) {}
FailStopFs::~FailStopFs() = default;

bool FailStopFs::is_log(const std::string& path) const {
  return path.ends_with(".log") && std::string_view(path).substr(0, path.rfind('/')) == directory_;
}

std::unique_ptr<FSWritableFile> FailStopFs::wrap(const std::string& path, std::unique_ptr<FSWritableFile> file) {
  if (is_log(path)) return std::make_unique<LogFile>(std::move(file), latch_);
  return std::make_unique<OtherFile>(std::move(file), latch_);
}

IOStatus FailStopFs::error() const {
  if (!latch_->set.load()) return IOStatus::OK();
  const std::lock_guard lock(latch_->mutex);
  return latch_->first;
}

void FailStopFs::reset() {
  {
    const std::lock_guard lock(spares_mutex_);
    spares_.reset();
  }
  const std::lock_guard lock(latch_->mutex);
  latch_->set.store(false);
  latch_->first = IOStatus::OK();
}

void FailStopFs::begin_spare_logs() {
  const std::lock_guard lock(spares_mutex_);
  spares_ = std::make_unique<SpareLogs>(target_, directory_, spares_limit_);
}

void FailStopFs::limit_spare_logs(std::uint64_t bytes) {
  const std::lock_guard lock(spares_mutex_);
  if (std::exchange(spares_limit_, bytes) != bytes && spares_) spares_->limit(bytes);
}

IOStatus FailStopFs::NewWritableFile(const std::string& path, const FileOptions& options,
                                     std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  IOStatus status = latch_->refuse_if_set();
  const auto spare = status.ok() && spares_ && is_log(path) ? spares_->take() : std::nullopt;
  if (spare && target()->ReuseWritableFile(path, *spare, options, file, debug).ok()) {
    *file = std::make_unique<OverwrittenLogFile>(std::move(*file), latch_, written_, path);
    return status;
  }
  if (status.ok()) status = target()->NewWritableFile(path, options, file, debug);
  if (status.ok()) *file = wrap(path, std::move(*file));
  return status;
}

IOStatus FailStopFs::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                        std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  IOStatus status = latch_->refuse_if_set();
  if (status.ok()) status = target()->ReopenWritableFile(path, options, file, debug);
  if (status.ok()) *file = wrap(path, std::move(*file));
  return status;
}

IOStatus FailStopFs::ReuseWritableFile(const std::string& path, const std::string& old_path, const FileOptions& options,
                                       std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  IOStatus status = latch_->refuse_if_set();
  if (status.ok()) status = target()->ReuseWritableFile(path, old_path, options, file, debug);
  if (status.ok()) *file = wrap(path, std::move(*file));
  return status;
}

IOStatus FailStopFs::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                IODebugContext* debug) {
  const IOStatus stopped = latch_->refuse_if_set();
  return stopped.ok() ? target()->RenameFile(from, to, options, debug) : stopped;
}

IOStatus FailStopFs::LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                              IODebugContext* debug) {
  const IOStatus stopped = latch_->refuse_if_set();
  return stopped.ok() ? target()->LinkFile(from, to, options, debug) : stopped;
}

IOStatus FailStopFs::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  const IOStatus stopped = latch_->refuse_if_set();
  if (!stopped.ok()) return stopped;
  std::uint64_t size = 0;
  const bool wants_spare = spares_ && is_log(path) && target()->GetFileSize(path, options, &size, debug).ok();
  const IOStatus deleted = target()->DeleteFile(path, options, debug);
  if (wants_spare && deleted.ok()) spares_->want(size);
  return deleted;
}

IOStatus FailStopFs::Truncate(const std::string& path, size_t size, const IOOptions& options, IODebugContext* debug) {
  const IOStatus stopped = latch_->refuse_if_set();
  return stopped.ok() ? target()->Truncate(path, size, options, debug) : stopped;
}

IOStatus FailStopFs::GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size,
                                 IODebugContext* debug) {
  const auto written = written_->of(path);
  if (!written) return target()->GetFileSize(path, options, size, debug);
  *size = *written;
  return IOStatus::OK();
}

}  // namespace trunkline::store
