#include "store/fault_fs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>

#include "store/fault_disk.hpp"

namespace trunkline::store {

using base::Errc;
using base::Result;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct FaultFs::State {
  explicit State(const FaultFsOptions& given) : options(given), disk(given), rules(given.seed) {}

  void call_sync_hook(const std::string& path) {
    std::shared_ptr<const std::function<void(const std::string&)>> hook;
    {
      const std::lock_guard lock(hook_mutex);
      hook = sync_hook;
    }
    if (hook) (*hook)(path);
  }

  const FaultFsOptions options;
  FaultDisk disk;
  FaultRules rules;
  std::mutex hook_mutex;
  // Shared, because a hook may be replaced while another thread is inside of it.
  std::shared_ptr<const std::function<void(const std::string&)>> sync_hook;
};

namespace {

namespace fs = std::filesystem;
using StatePtr = std::shared_ptr<FaultFs::State>;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string normal(const std::string& path) {
  std::string text = fs::absolute(path).lexically_normal().native();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// What RocksDB's own file system reports for the same errno (env/io_posix.cc).
IOStatus fault_status(FaultKind kind, std::string_view name) {
  const std::string text = fmt::format("injected fault: {}", name);
  if (kind == FaultKind::no_space) {
    IOStatus status = IOStatus::NoSpace(text, std::strerror(ENOSPC));
    status.SetRetryable(true);
    return status;
  }
  return IOStatus::IOError(text, std::strerror(EIO));
}

template <class T>
IOStatus to_status(const Result<T>& result) {
  if (result.ok()) return IOStatus::OK();
  const base::Error& error = result.error();
  if (error.code == Errc::not_found) return IOStatus::PathNotFound(error.detail);
  if (error.code == Errc::disk_full) return fault_status(FaultKind::no_space, error.detail);
  return IOStatus::IOError(error.detail);
}

// An open file: what the handles below have in common.
class Handle {
 public:
  Handle(StatePtr state, std::string path, FaultFilePtr file)
      : state_(std::move(state)), path_(std::move(path)), file_(std::move(file)) {}

  IOStatus read(std::uint64_t offset, std::size_t size, Slice* result, char* scratch) const {
    *result = Slice(scratch, 0);
    const auto fault = state_->rules.check(FaultOp::read, base_name(path_));
    if (fault && *fault != FaultKind::bit_flip) return fault_status(*fault, path_);
    const Result<std::size_t> got = state_->disk.read(*file_, offset, size, scratch);
    if (!got.ok()) return to_status(got);
    if (fault && *got > 0) {
      const std::uint64_t bit = state_->rules.random_below(*got * 8);
      scratch[bit / 8] = static_cast<char>(scratch[bit / 8] ^ (1 << (bit % 8)));
    }
    *result = Slice(scratch, *got);
    return IOStatus::OK();
  }

  IOStatus append(const Slice& data) {
    const auto fault = state_->rules.check(FaultOp::append, base_name(path_));
    if (fault) return fault_status(*fault, path_);
    const Result<void> done = state_->disk.append(*file_, {data.data(), data.size()});
    if (!done.ok() && done.error().code == Errc::disk_full) state_->rules.count_no_space();
    return to_status(done);
  }

  IOStatus sync() {
    state_->call_sync_hook(path_);
    if (const auto fault = state_->rules.check(FaultOp::sync, base_name(path_))) {
      state_->disk.lose_unsynced(*file_);
      return fault_status(*fault, path_);
    }
    return to_status(state_->disk.sync(*file_));
  }

  IOStatus truncate(std::uint64_t size) { return to_status(state_->disk.truncate(*file_, size)); }
  std::uint64_t size() const { return state_->disk.size(*file_); }

 private:
  const StatePtr state_;
  const std::string path_;
  const FaultFilePtr file_;
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(Handle handle) : handle_(std::move(handle)) {}
  IOStatus Read(size_t size, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    const IOStatus status = handle_.read(offset_, size, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  Handle handle_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(Handle handle) : handle_(std::move(handle)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return handle_.read(offset, size, result, scratch);
  }
  IOStatus Prefetch(uint64_t, size_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  Handle handle_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(Handle handle, const FileOptions& options) : FSWritableFile(options), handle_(std::move(handle)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override { return handle_.append(data); }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override { return handle_.truncate(size); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return handle_.sync(); }
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  // Reserved space holds no bytes: nothing to do, and nothing that a power cut could show.
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return handle_.size(); }

 private:
  Handle handle_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(StatePtr state, std::string path) : state_(std::move(state)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (const auto fault = state_->rules.check(FaultOp::directory_sync, base_name(path_))) {
      return fault_status(*fault, path_);
    }
    return to_status(state_->disk.sync_directory(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const StatePtr state_;
  const std::string path_;
};

// Refuses what would write past the model.
IOStatus refuse(const char* what) {
  return IOStatus::NotSupported("FaultFs", what);
}

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem(std::shared_ptr<rocksdb::FileSystem> real, StatePtr state)
      : FileSystemWrapper(real), state_(std::move(state)), root_(state_->options.root) {}

  const char* Name() const override { return "TrunklineFaultFs"; }

  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->NewSequentialFile(name, options, result, debug);
    return open<SequentialFile>(path, options, result);
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->NewRandomAccessFile(name, options, result, debug);
    return open<RandomAccessFile>(path, options, result);
  }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->NewWritableFile(name, options, result, debug);
    return open_write(path, options, FaultDisk::Mode::truncate, result);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->ReopenWritableFile(name, options, result, debug);
    return open_write(path, options, FaultDisk::Mode::append, result);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->ReuseWritableFile(name, old_name, options, result, debug);
    const IOStatus renamed = RenameFile(old_name, name, {}, debug);
    return renamed.ok() ? open_write(path, options, FaultDisk::Mode::overwrite, result) : renamed;
  }
  IOStatus NewRandomRWFile(const std::string&, const FileOptions&, std::unique_ptr<rocksdb::FSRandomRWFile>*,
                           IODebugContext*) override {
    return refuse("NewRandomRWFile");
  }
  IOStatus NewMemoryMappedFileBuffer(const std::string&, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override {
    return refuse("NewMemoryMappedFileBuffer");
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (!inside(path)) return target()->NewDirectory(name, options, result, debug);
    if (!fs::is_directory(path)) return IOStatus::PathNotFound(path);
    *result = std::make_unique<Directory>(state_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path) || fs::is_directory(path)) return target()->FileExists(name, options, debug);
    return state_->disk.exists(path) ? IOStatus::OK() : IOStatus::NotFound();
  }
  IOStatus GetChildren(const std::string& name, const IOOptions& options, std::vector<std::string>* result,
                       IODebugContext* debug) override {
    const std::string path = normal(name);
    if (!inside(path)) return target()->GetChildren(name, options, result, debug);
    Result<std::vector<std::string>> children = state_->disk.children(path);
    if (children.ok()) *result = std::move(*children);
    return to_status(children);
  }
  IOStatus GetChildrenFileAttributes(const std::string& name, const IOOptions& options,
                                     std::vector<rocksdb::FileAttributes>* result, IODebugContext* debug) override {
    // The base class asks GetChildren and GetFileSize of this object.
    return rocksdb::FileSystem::GetChildrenFileAttributes(name, options, result, debug);
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->DeleteFile(name, options, debug);
    return to_status(state_->disk.remove(path));
  }
  IOStatus Truncate(const std::string& name, size_t size, const IOOptions& options, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->Truncate(name, size, options, debug);
    const Result<FaultFilePtr> file = state_->disk.open_read(path);
    return file.ok() ? to_status(state_->disk.truncate(**file, size)) : to_status(file);
  }
  IOStatus DeleteDir(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
    const std::string path = normal(name);
    if (!inside(path)) return target()->DeleteDir(name, options, debug);
    return to_status(state_->disk.remove_directory(path));
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions& options, uint64_t* size,
                       IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path) || fs::is_directory(path)) return target()->GetFileSize(name, options, size, debug);
    const Result<std::uint64_t> found = state_->disk.file_size(path);
    *size = found.ok() ? *found : 0;
    return to_status(found);
  }
  IOStatus GetFileModificationTime(const std::string& name, const IOOptions& options, uint64_t* time,
                                   IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->GetFileModificationTime(name, options, time, debug);
    const Result<std::string> backing = state_->disk.backing(path);
    if (!backing.ok()) return to_status(backing);
    if (!backing->empty()) return target()->GetFileModificationTime(*backing, options, time, debug);
    *time = static_cast<uint64_t>(::time(nullptr));  // has no byte on the disk, so it is new
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& source, const std::string& target_name, const IOOptions& options,
                      IODebugContext* debug) override {
    const std::string from = normal(source);
    const std::string to = normal(target_name);
    if (passes(from) && passes(to)) return target()->RenameFile(source, target_name, options, debug);
    if (passes(from) || passes(to)) return refuse("a rename into or out of the model");
    if (const auto fault = state_->rules.check(FaultOp::rename, base_name(from))) return fault_status(*fault, from);
    if (fs::is_directory(from)) return to_status(state_->disk.rename_directory(from, to));
    return to_status(state_->disk.rename(from, to));
  }
  IOStatus LinkFile(const std::string& source, const std::string& target_name, const IOOptions& options,
                    IODebugContext* debug) override {
    const std::string from = normal(source);
    const std::string to = normal(target_name);
    if (passes(from) && passes(to)) return target()->LinkFile(source, target_name, options, debug);
    if (passes(from) || passes(to)) return refuse("a link into or out of the model");
    return to_status(state_->disk.link(from, to));
  }
  IOStatus NumFileLinks(const std::string& name, const IOOptions& options, uint64_t* count,
                        IODebugContext* debug) override {
    const std::string path = normal(name);
    if (passes(path)) return target()->NumFileLinks(name, options, count, debug);
    const Result<std::uint64_t> links = state_->disk.link_count(path);
    *count = links.ok() ? *links : 0;
    return to_status(links);
  }
  IOStatus AreFilesSame(const std::string& first, const std::string& second, const IOOptions& options, bool* same,
                        IODebugContext* debug) override {
    const std::string one = normal(first);
    const std::string other = normal(second);
    if (passes(one) || passes(other)) return target()->AreFilesSame(first, second, options, same, debug);
    const Result<bool> found = state_->disk.same(one, other);
    *same = found.ok() && *found;
    return to_status(found);
  }
  IOStatus GetFreeSpace(const std::string& name, const IOOptions& options, uint64_t* free,
                        IODebugContext* debug) override {
    const IOStatus status = target()->GetFreeSpace(name, options, free, debug);
    if (status.ok() && inside(normal(name))) *free = std::min(*free, state_->disk.space_free());
    return status;
  }

 private:
  bool inside(const std::string& path) const {
    return path.starts_with(root_) && (path.size() == root_.size() || path[root_.size()] == '/');
  }
  bool passes(const std::string& path) const {
    if (!inside(path)) return true;
    const std::string_view name = base_name(path);
    return name == "LOG" || name == "LOCK" || name.starts_with("LOG.old.");
  }

  template <class File, class Interface>
  IOStatus open(const std::string& path, const FileOptions& options, std::unique_ptr<Interface>* result) {
    if (options.use_direct_reads || options.use_mmap_reads) return refuse("direct and memory-mapped reads");
    if (const auto fault = state_->rules.check(FaultOp::open, base_name(path))) return fault_status(*fault, path);
    Result<FaultFilePtr> file = state_->disk.open_read(path);
    if (!file.ok()) return to_status(file);
    *result = std::make_unique<File>(Handle(state_, path, std::move(*file)));
    return IOStatus::OK();
  }
  IOStatus open_write(const std::string& path, const FileOptions& options, FaultDisk::Mode mode,
                      std::unique_ptr<rocksdb::FSWritableFile>* result) {
    if (options.use_direct_writes || options.use_mmap_writes) return refuse("direct and memory-mapped writes");
    if (const auto fault = state_->rules.check(FaultOp::open, base_name(path))) return fault_status(*fault, path);
    Result<FaultFilePtr> file = state_->disk.open_write(path, mode);
    if (!file.ok()) return to_status(file);
    *result = std::make_unique<WritableFile>(Handle(state_, path, std::move(*file)), options);
    return IOStatus::OK();
  }

  const StatePtr state_;
  const std::string root_;
};

}  // namespace

FaultFs::FaultFs(std::shared_ptr<State> state) : state_(std::move(state)) {}
FaultFs::~FaultFs() = default;

Result<std::unique_ptr<FaultFs>> FaultFs::open(FaultFsOptions options) {
  options.root = normal(options.root);
  auto state = std::make_shared<State>(options);
  TRUNKLINE_TRY_VOID(state->disk.start());
  return std::unique_ptr<FaultFs>(new FaultFs(std::move(state)));
}

std::shared_ptr<rocksdb::FileSystem> FaultFs::file_system() const {
  return std::make_shared<FaultFileSystem>(rocksdb::FileSystem::Default(), state_);
}

void FaultFs::inject(FaultRule rule) {
  state_->rules.add(std::move(rule));
}
void FaultFs::clear_faults() {
  state_->rules.clear();
}
FaultCounts FaultFs::counts() const {
  return state_->rules.counts();
}
void FaultFs::set_space_budget(std::uint64_t bytes) {
  state_->disk.set_space_budget(bytes);
}
std::uint64_t FaultFs::space_used() const {
  return state_->disk.space_used();
}
void FaultFs::power_cut() {
  state_->disk.power_cut(state_->options.torn_tail);
}

void FaultFs::before_sync(std::function<void(const std::string& path)> hook) {
  std::shared_ptr<const std::function<void(const std::string&)>> fresh;
  if (hook) fresh = std::make_shared<const std::function<void(const std::string&)>>(std::move(hook));
  const std::lock_guard lock(state_->hook_mutex);
  state_->sync_hook.swap(fresh);
}

Result<void> FaultFs::flip_bit(const std::string& path, std::uint64_t byte_offset, unsigned bit) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return {Errc::not_found, fmt::format("open {}: {}", path, std::strerror(errno))};
  unsigned char byte = 0;
  const off_t at = static_cast<off_t>(byte_offset);
  bool done = ::pread(file, &byte, 1, at) == 1;
  byte = static_cast<unsigned char>(byte ^ (1u << (bit % 8)));
  done = done && ::pwrite(file, &byte, 1, at) == 1;
  ::close(file);
  if (!done) return {Errc::invalid, fmt::format("{} has no byte {}", path, byte_offset)};
  return {};
}

}  // namespace trunkline::store
