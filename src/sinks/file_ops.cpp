#include "sinks/file_ops.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Error;

Errc code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Errc::disk_full;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::unauthenticated;
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::conflict;
    default:
      return Errc::unavailable;
  }
}

Error system_error(std::string_view what, int error) {
  return Error{code_of(error), std::generic_category().message(error)}.with(what);
}

base::Result<void> outcome(int result, std::string_view what) {
  if (result == 0) return {};
  return system_error(what, errno);
}

// Only the hub's user and group may read events.
constexpr mode_t kMode = 0640;

}  // namespace

base::Result<void> SystemFileOps::make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return system_error("create directory " + path, error.value());
  return {};
}

base::Result<FileOps::Room> SystemFileOps::room(const std::string& directory) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(directory, error).lexically_normal();
  if (error) return system_error(directory, error.value());
  Room room;
  for (; !std::filesystem::exists(at, error) && at != at.root_path(); at = at.parent_path()) room.exists = false;
  if (error) return system_error(at.string(), error.value());
  room.directory = at.string();
  if (!std::filesystem::is_directory(at, error)) return system_error(room.directory, ENOTDIR);
  if (::access(room.directory.c_str(), W_OK | X_OK) != 0) return system_error("write to " + room.directory, errno);
  struct statvfs file_system{};
  if (::statvfs(room.directory.c_str(), &file_system) != 0) return system_error(room.directory, errno);
  room.free_bytes = static_cast<std::uint64_t>(file_system.f_bavail) * file_system.f_frsize;
  return room;
}

base::Result<std::vector<FileOps::Entry>> SystemFileOps::list(const std::string& directory) {
  std::error_code error;
  std::vector<Entry> entries;
  std::filesystem::directory_iterator at(directory, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    std::error_code gone;  // a file may be removed while it is looked at
    const std::uint64_t bytes = at->file_size(gone);
    if (!gone && at->is_regular_file(gone)) entries.push_back({at->path().filename().string(), bytes});
  }
  if (error) return system_error("list " + directory, error.value());
  return entries;
}

base::Result<void> SystemFileOps::sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return system_error("open directory " + path, errno);
  const auto result = outcome(::fsync(directory), "sync directory " + path);
  ::close(directory);
  return result;
}

base::Result<void> SystemFileOps::remove(const std::string& path) {
  return outcome(::unlink(path.c_str()), "remove " + path);
}

base::Result<void> SystemFileOps::rename(const std::string& from, const std::string& to) {
  return outcome(std::rename(from.c_str(), to.c_str()), "rename " + from);
}

base::Result<int> SystemFileOps::create(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (file < 0) return system_error("create " + path, errno);
  return file;
}

base::Result<int> SystemFileOps::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (file < 0) return system_error("open " + path, errno);
  return file;
}

base::Result<std::uint64_t> SystemFileOps::size(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return system_error("stat", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

base::Result<std::string> SystemFileOps::read(int file, std::uint64_t at, std::size_t bytes) {
  std::string data(bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes) {
    const ssize_t got = ::pread(file, data.data() + filled, bytes - filled, static_cast<off_t>(at + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  data.resize(filled);
  return data;
}

base::Result<std::size_t> SystemFileOps::append(int file, std::string_view bytes) {
  for (;;) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written > 0) return static_cast<std::size_t>(written);
    if (written < 0 && errno == EINTR) continue;
    return system_error("write", written == 0 ? ENOSPC : errno);
  }
}

base::Result<void> SystemFileOps::cut(int file, std::uint64_t bytes) {
  return outcome(::ftruncate(file, static_cast<off_t>(bytes)), "truncate");
}

base::Result<void> SystemFileOps::sync(int file) {
  return outcome(::fdatasync(file), "sync");
}

void SystemFileOps::close(int file) {
  ::close(file);
}

}  // namespace trunkline::sinks
