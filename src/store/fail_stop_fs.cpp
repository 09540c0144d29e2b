#include "store/fail_stop_fs.hpp"

#include <atomic>
#include <mutex>
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

namespace {

using LatchPtr = std::shared_ptr<FailStopFs::Latch>;

// A write-ahead log: errors are kept, not passed on.
class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
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

 private:
  template <class Operation>
  IOStatus guarded(Operation operation) {
    if (latch_->set.load()) return IOStatus::OK();
    const IOStatus status = operation();
    if (!status.ok()) latch_->keep(status);
    return IOStatus::OK();
  }
  const LatchPtr latch_;
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

FailStopFs::FailStopFs(const std::shared_ptr<rocksdb::FileSystem>& target, const std::string& directory)
    : FileSystemWrapper(target), prefix_(directory + "/"), latch_(std::make_shared<Latch>()) {}
FailStopFs::~FailStopFs() = default;

std::unique_ptr<FSWritableFile> FailStopFs::wrap(const std::string& path, std::unique_ptr<FSWritableFile> file) {
  const std::string_view name = path;
  if (name.starts_with(prefix_) && name.ends_with(".log")) return std::make_unique<LogFile>(std::move(file), latch_);
  return std::make_unique<OtherFile>(std::move(file), latch_);
}

IOStatus FailStopFs::error() const {
  if (!latch_->set.load()) return IOStatus::OK();
  const std::lock_guard lock(latch_->mutex);
  return latch_->first;
}

void FailStopFs::reset() {
  const std::lock_guard lock(latch_->mutex);
  latch_->set.store(false);
  latch_->first = IOStatus::OK();
}

IOStatus FailStopFs::NewWritableFile(const std::string& path, const FileOptions& options,
                                     std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  IOStatus status = latch_->refuse_if_set();
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
  return stopped.ok() ? target()->DeleteFile(path, options, debug) : stopped;
}

IOStatus FailStopFs::Truncate(const std::string& path, size_t size, const IOOptions& options, IODebugContext* debug) {
  const IOStatus stopped = latch_->refuse_if_set();
  return stopped.ok() ? target()->Truncate(path, size, options, debug) : stopped;
}

}  // namespace trunkline::store
