#include "store/fault_disk.hpp"

#include "base/crypto.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace trunkline::store {
namespace {

using base::Errc;
using base::Error;
using base::Result;
namespace fs = std::filesystem;

Error disk_error(std::string_view what, const std::string& path) {
  const int code = errno;
  const Errc errc = code == ENOENT ? Errc::not_found : code == ENOSPC ? Errc::disk_full : Errc::unavailable;
  return {errc, fmt::format("{} {}: {}", what, path, std::strerror(code))};
}

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}
std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
bool is_hidden(std::string_view path) {
  return base_name(path).starts_with(kHiddenPrefix);
}

Result<void> write_at(int descriptor, std::uint64_t offset, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return disk_error("write", path);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> read_at(int descriptor, std::uint64_t offset, std::size_t size, char* target) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(descriptor, target + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return disk_error("read", "file");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> rename_real(const std::string& source, const std::string& target) {
  if (::rename(source.c_str(), target.c_str()) != 0) return disk_error("rename", source);
  return {};
}

Result<void> link_real(const std::string& source, const std::string& target) {
  if (::link(source.c_str(), target.c_str()) != 0) return disk_error("link", source);
  return {};
}

Result<void> unlink_real(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return disk_error("unlink", path);
  return {};
}

Error missing(const std::string& path) {
  return {Errc::not_found, path + ": no such file"};
}

}  // namespace

FaultFile::~FaultFile() {
  if (descriptor >= 0) ::close(descriptor);
  if (is_hidden(backing)) ::unlink(backing.c_str());
}

FaultDisk::FaultDisk(const FaultFsOptions& options)
    : root_(options.root),
      hidden_prefix_(std::string(kHiddenPrefix) + base::hex_encode(base::random_bytes(4)) + "-"),
      real_fsync_(options.real_fsync),
      random_(options.seed) {}

Result<void> FaultDisk::start() {
  std::error_code failed;
  fs::create_directories(root_, failed);
  if (failed) return {Errc::unavailable, fmt::format("make {}: {}", root_, failed.message())};
  std::vector<std::string> left_over;
  const std::lock_guard lock(mutex_);
  for (fs::recursive_directory_iterator entry(root_, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (!entry->is_regular_file()) continue;
    if (is_hidden(entry->path().native())) {
      left_over.push_back(entry->path().native());
    } else {
      adopt(entry->path().native());
    }
  }
  if (failed) return {Errc::unavailable, fmt::format("list {}: {}", root_, failed.message())};
  for (const std::string& path : left_over) TRUNKLINE_TRY_VOID(unlink_real(path));
  return {};
}

// A name that the real disk has and nobody told us of: it was there at the start, or was written past this file system.
void FaultDisk::adopt(const std::string& path) {
  struct stat info{};
  if (is_hidden(path) || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  FaultFilePtr file;
  for (auto entry = synced_.begin(); info.st_nlink > 1 && entry != synced_.end() && !file; ++entry) {
    if (entry->second->inode == info.st_ino) file = entry->second;
  }
  if (!file) {
    file = std::make_shared<FaultFile>();
    file->backing = path;
    file->inode = info.st_ino;
    file->base = static_cast<std::uint64_t>(info.st_size);
    used_ += file->base;
  }
  file->synced.insert(path);
  ++file->links;
  view_[path] = file;
  synced_[path] = file;
}

FaultFilePtr FaultDisk::find(const std::string& path) {
  auto found = view_.find(path);
  if (found == view_.end() && !synced_.contains(path)) {
    adopt(path);
    found = view_.find(path);
  }
  return found == view_.end() ? nullptr : found->second;
}

Result<void> FaultDisk::require_thawed() const {
  if (frozen_) return {Errc::unavailable, "the power is cut"};
  return {};
}

Result<FaultFilePtr> FaultDisk::open_write(const std::string& path, Mode mode) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  FaultFilePtr file = find(path);
  if (!file) {
    if (!fs::is_directory(parent(path))) return missing(parent(path));
    file = std::make_shared<FaultFile>();
    file->links = 1;
    view_[path] = file;
    changes_[parent(path)].push_back({Change::Kind::put, path, {}, file});
  } else if (mode == Mode::truncate) {
    shorten(*file, 0);
  } else if (mode == Mode::overwrite) {
    if (!file->tail.empty()) return {Errc::unavailable, path + ": is not synced, and cannot be written over"};
    file->beneath = std::max(file->beneath, std::exchange(file->base, 0));
  }
  return file;
}

Result<FaultFilePtr> FaultDisk::open_read(const std::string& path) {
  const std::lock_guard lock(mutex_);
  FaultFilePtr file = find(path);
  if (!file) return missing(path);
  if (!file->backing.empty()) TRUNKLINE_TRY_VOID(require_descriptor(*file));
  return file;
}

Result<void> FaultDisk::append(FaultFile& file, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  const std::uint64_t grown = std::max(file.size(), file.written() + bytes.size()) - file.size();
  if (budget_ != 0 && grown > 0 && used_ + grown > budget_) return {Errc::disk_full, "the space budget is used up"};
  file.tail.append(bytes);
  if (file.links > 0) used_ += grown;
  return {};
}

Result<void> FaultDisk::truncate(FaultFile& file, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  const std::uint64_t before = file.size();
  if (size <= before) {
    shorten(file, size);
  } else {
    file.tail.resize(size - file.base, '\0');
    if (file.links > 0) used_ += size - before;
  }
  return {};
}

void FaultDisk::shorten(FaultFile& file, std::uint64_t size) {
  if (file.links > 0) used_ -= file.size() - size;
  const std::uint64_t on_disk_at_most = std::max(file.base + file.settled, file.beneath);
  if (size < on_disk_at_most) file.cut = std::min(file.cut, size);
  file.beneath = std::min(file.beneath, size);
  if (size < file.base) {
    file.base = size;
    file.tail.clear();
  } else if (size < file.written()) {
    file.tail.resize(size - file.base);
  }
  file.settled = std::min(file.settled, file.tail.size());
  if (file.settled == 0) file.lost_bytes = false;
}

// The inode's descriptor; an inode that is not on the disk yet begins as a hidden file.
Result<void> FaultDisk::require_descriptor(FaultFile& file) {
  if (file.descriptor >= 0) return {};
  const bool fresh = file.backing.empty();
  const std::string path = fresh ? hidden_name(root_) : file.backing;
  file.descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (fresh ? O_CREAT | O_EXCL : 0), 0644);
  if (file.descriptor < 0) return disk_error("open", path);
  file.backing = path;
  return {};
}

Result<void> FaultDisk::write_tail(FaultFile& file) {
  TRUNKLINE_TRY_VOID(require_descriptor(file));
  if (file.cut != FaultFile::kNoCut) {
    struct stat info{};
    if (::fstat(file.descriptor, &info) != 0) return disk_error("stat", file.backing);
    // Lost bytes may have left the backing shorter than that.
    const off_t size = std::min<off_t>(info.st_size, static_cast<off_t>(file.cut));
    if (::ftruncate(file.descriptor, size) != 0) return disk_error("truncate", file.backing);
    file.cut = FaultFile::kNoCut;
  }
  const std::string_view fresh = std::string_view(file.tail).substr(file.settled);
  // Behind lost bytes this leaves a hole, which reads as zeros.
  TRUNKLINE_TRY_VOID(write_at(file.descriptor, file.base + file.settled, fresh, file.backing));
  if (real_fsync_ && ::fdatasync(file.descriptor) != 0) return disk_error("sync", file.backing);
  return {};
}

Result<void> FaultDisk::sync(FaultFile& file) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  TRUNKLINE_TRY_VOID(write_tail(file));
  if (file.lost_bytes) {
    file.settled = file.tail.size();
  } else {
    file.base = file.written();
    file.tail.clear();
    // A table's buffer has tens of megabytes; a log's is used again at once.
    if (file.tail.capacity() > (1 << 20)) file.tail.shrink_to_fit();
  }
  return {};
}

void FaultDisk::lose_unsynced(FaultFile& file) {
  const std::lock_guard lock(mutex_);
  if (file.settled == file.tail.size()) return;
  file.lost_bytes = true;
  file.settled = file.tail.size();
}

Result<std::size_t> FaultDisk::read(FaultFile& file, std::uint64_t offset, std::size_t size, char* target) {
  std::size_t from_disk = 0;
  std::size_t from_tail = 0;
  int descriptor = -1;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t end = std::min(offset + size, file.size());
    if (offset >= end) return std::size_t{0};
    if (end > file.written()) return read_over(file, offset, end, target);
    from_disk = offset < file.base ? static_cast<std::size_t>(std::min(end, file.base) - offset) : 0;
    from_tail = static_cast<std::size_t>(end - offset) - from_disk;
    if (from_tail > 0) std::memcpy(target + from_disk, file.tail.data() + (offset + from_disk - file.base), from_tail);
    if (from_disk > 0) TRUNKLINE_TRY_VOID(require_descriptor(file));
    descriptor = file.descriptor;
  }
  if (from_disk == 0) return from_tail;
  TRUNKLINE_TRY(const std::size_t got, read_at(descriptor, offset, from_disk, target));
  return got < from_disk ? got : got + from_tail;
}

// Of a file that is written over: what is on the disk, and over it what is not synced.
Result<std::size_t> FaultDisk::read_over(FaultFile& file, std::uint64_t offset, std::uint64_t end, char* target) {
  TRUNKLINE_TRY_VOID(require_descriptor(file));
  TRUNKLINE_TRY(const std::size_t got,
                read_at(file.descriptor, offset, static_cast<std::size_t>(end - offset), target));
  const std::uint64_t from = std::max(offset, file.base);
  const std::uint64_t to = std::min(end, file.written());
  if (from < to) std::memcpy(target + (from - offset), file.tail.data() + (from - file.base), to - from);
  return got;
}

std::uint64_t FaultDisk::size(const FaultFile& file) const {
  const std::lock_guard lock(mutex_);
  return file.size();
}

bool FaultDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return find(path) != nullptr;
}

Result<std::uint64_t> FaultDisk::file_size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const FaultFilePtr file = find(path);
  if (!file) return missing(path);
  return file->size();
}

Result<std::string> FaultDisk::backing(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const FaultFilePtr file = find(path);
  if (!file) return missing(path);
  return file->backing;
}

Result<std::uint64_t> FaultDisk::link_count(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const FaultFilePtr file = find(path);
  if (!file) return missing(path);
  return std::uint64_t{file->links};
}

Result<bool> FaultDisk::same(const std::string& one, const std::string& other) {
  const std::lock_guard lock(mutex_);
  const FaultFilePtr first = find(one);
  const FaultFilePtr second = find(other);
  if (!first) return missing(one);
  if (!second) return missing(other);
  return first == second;
}

Result<std::vector<std::string>> FaultDisk::children(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
    const std::string path = directory + "/" + entry.path().filename().native();
    if (is_hidden(path)) continue;
    std::error_code ignored;  // a file that vanishes meanwhile is no child
    if (!entry.is_regular_file(ignored) || find(path)) names.insert(entry.path().filename().native());
  }
  if (failed == std::errc::no_such_file_or_directory) return missing(directory);
  if (failed) return {Errc::unavailable, fmt::format("list {}: {}", directory, failed.message())};
  const std::string prefix = directory + "/";
  for (auto entry = view_.lower_bound(prefix); entry != view_.end() && entry->first.starts_with(prefix); ++entry) {
    if (entry->first.find('/', prefix.size()) == std::string::npos) names.insert(entry->first.substr(prefix.size()));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

void FaultDisk::unlink_view(const std::string& path) {
  const auto found = view_.find(path);
  if (found == view_.end()) return;
  if (--found->second->links == 0) used_ -= found->second->size();
  view_.erase(found);
}

Result<void> FaultDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  if (!find(path)) return missing(path);
  unlink_view(path);
  changes_[parent(path)].push_back({Change::Kind::remove, path, {}, nullptr});
  return {};
}

Result<void> FaultDisk::rename(const std::string& source, const std::string& target) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  const FaultFilePtr file = find(source);
  if (!file) return missing(source);
  if (!fs::is_directory(parent(target))) return missing(parent(target));
  if (find(target) == file) return {};  // rename(2): two names of one file, nothing happens
  unlink_view(target);
  view_.erase(source);
  view_[target] = file;
  if (parent(source) == parent(target)) {
    changes_[parent(target)].push_back({Change::Kind::rename, target, source, file});
  } else {
    changes_[parent(target)].push_back({Change::Kind::put, target, {}, file});
    changes_[parent(source)].push_back({Change::Kind::remove, source, {}, nullptr});
  }
  return {};
}

Result<void> FaultDisk::link(const std::string& source, const std::string& target) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  const FaultFilePtr file = find(source);
  if (!file) return missing(source);
  if (find(target)) return {Errc::conflict, target + ": file exists"};
  if (!fs::is_directory(parent(target))) return missing(parent(target));
  ++file->links;
  view_[target] = file;
  changes_[parent(target)].push_back({Change::Kind::put, target, {}, file});
  return {};
}

std::string FaultDisk::hidden_name(const std::string& directory) {
  return fmt::format("{}/{}{}", directory, hidden_prefix_, ++hidden_count_);
}

// Before the real disk's `name` comes to mean another file or none: keeps the inode reachable if a name is still to
// come.
Result<void> FaultDisk::release(const std::string& name) {
  const auto found = synced_.find(name);
  if (found == synced_.end()) return {};
  const FaultFilePtr file = found->second;
  file->synced.erase(name);
  synced_.erase(found);
  if (!file->synced.empty()) {
    file->backing = *file->synced.begin();
    return {};
  }
  // Named again by a later change, or only held open: both live on under the hidden name until the file is forgotten.
  const std::string hidden = hidden_name(parent(name));
  TRUNKLINE_TRY_VOID(link_real(name, hidden));
  file->backing = hidden;
  return {};
}

Result<void> FaultDisk::apply_put(const std::string& name, const FaultFilePtr& file) {
  const auto present = synced_.find(name);
  if (present != synced_.end() && present->second == file) return {};
  TRUNKLINE_TRY_VOID(require_descriptor(*file));
  TRUNKLINE_TRY_VOID(release(name));
  if (is_hidden(file->backing)) {
    TRUNKLINE_TRY_VOID(rename_real(file->backing, name));
    file->backing = name;
  } else {
    const std::string hidden = hidden_name(parent(name));
    TRUNKLINE_TRY_VOID(link_real(file->backing, hidden));
    TRUNKLINE_TRY_VOID(rename_real(hidden, name));
  }
  file->synced.insert(name);
  synced_[name] = file;
  return {};
}

Result<void> FaultDisk::apply_rename(const Change& change) {
  TRUNKLINE_TRY_VOID(release(change.name));
  TRUNKLINE_TRY_VOID(rename_real(change.source, change.name));
  synced_.erase(change.source);
  synced_[change.name] = change.file;
  change.file->synced.erase(change.source);
  change.file->synced.insert(change.name);
  if (change.file->backing == change.source) change.file->backing = change.name;
  return {};
}

Result<void> FaultDisk::apply(const Change& change) {
  if (change.kind == Change::Kind::put) return apply_put(change.name, change.file);
  if (change.kind == Change::Kind::rename) return apply_rename(change);
  TRUNKLINE_TRY_VOID(release(change.name));
  return unlink_real(change.name);
}

Result<void> FaultDisk::sync_directory_locked(const std::string& directory) {
  const auto found = changes_.find(directory);
  if (found == changes_.end()) return {};
  const std::vector<Change> changes = std::move(found->second);
  changes_.erase(found);
  for (const Change& change : changes) TRUNKLINE_TRY_VOID(apply(change));
  return {};
}

Result<void> FaultDisk::sync_directory(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  TRUNKLINE_TRY_VOID(sync_directory_locked(directory));
  if (!real_fsync_) return {};
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return disk_error("open", directory);
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!synced) return disk_error("sync", directory);
  return {};
}

Result<void> FaultDisk::sync_below(const std::string& directory) {
  std::vector<std::string> changed;
  for (const auto& [name, changes] : changes_) {
    if (name == directory || name.starts_with(directory + "/")) changed.push_back(name);
  }
  for (const std::string& name : changed) TRUNKLINE_TRY_VOID(sync_directory_locked(name));
  return {};
}

void FaultDisk::rekey(const std::string& source, const std::string& target) {
  const std::string prefix = source + "/";
  const auto moved = [&](const std::string& path) { return target + path.substr(source.size()); };
  const auto move_names = [&](std::map<std::string, FaultFilePtr>& names) {
    auto entry = names.lower_bound(prefix);
    while (entry != names.end() && entry->first.starts_with(prefix)) {
      auto node = names.extract(entry++);
      FaultFile& file = *node.mapped();
      if (file.backing.starts_with(prefix)) file.backing = moved(file.backing);
      if (file.synced.erase(node.key()) > 0) file.synced.insert(moved(node.key()));
      node.key() = moved(node.key());
      names.insert(std::move(node));
    }
  };
  move_names(view_);
  move_names(synced_);
}

Result<void> FaultDisk::rename_directory(const std::string& source, const std::string& target) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  TRUNKLINE_TRY_VOID(sync_below(source));
  TRUNKLINE_TRY_VOID(rename_real(source, target));
  rekey(source, target);
  return {};
}

Result<void> FaultDisk::remove_directory(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_TRY_VOID(require_thawed());
  TRUNKLINE_TRY_VOID(sync_below(directory));
  if (::rmdir(directory.c_str()) != 0) return disk_error("remove", directory);
  return {};
}

void FaultDisk::tear(FaultFile& file, TornTail torn) {
  const std::string_view unsynced = std::string_view(file.tail).substr(file.settled);
  if (unsynced.empty() || !require_descriptor(file).ok()) return;
  // A disk loses whole sectors. A last byte or two that read as something else could differ by one bit from what was
  // written, and nobody could tell that from a flipped one.
  constexpr std::size_t kLostLeast = 64;
  const std::size_t lost = torn == TornTail::prefix ? 0 : std::min(unsynced.size(), kLostLeast);
  const std::size_t kept = static_cast<std::size_t>(random_() % (unsynced.size() - lost + 1));
  std::string bytes(unsynced.substr(0, kept));
  if (torn != TornTail::prefix) bytes.resize(unsynced.size(), '\0');
  if (torn == TornTail::garbage_tail) {
    for (std::size_t at = kept; at < bytes.size(); ++at) bytes[at] = static_cast<char>(random_());
  }
  // The process is about to die: there is nobody to tell of an error, and a shorter tear is a tear.
  (void)write_at(file.descriptor, file.base + file.settled, bytes, file.backing).ok();
}

void FaultDisk::power_cut(TornTail torn) {
  const std::lock_guard lock(mutex_);
  if (frozen_) return;
  frozen_ = true;
  if (torn == TornTail::none) return;
  for (const auto& [name, file] : synced_) {
    if (name.ends_with(".log")) tear(*file, torn);
  }
}

void FaultDisk::set_space_budget(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  budget_ = bytes;
}

std::uint64_t FaultDisk::space_used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::uint64_t FaultDisk::space_free() const {
  const std::lock_guard lock(mutex_);
  if (budget_ == 0) return UINT64_MAX;
  return budget_ > used_ ? budget_ - used_ : 0;
}

}  // namespace trunkline::store
