#include "store/format_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace trunkline::store {
namespace {

using base::Errc;
using base::Result;

constexpr std::string_view kWord = "trunkline ";

base::Error os_error(std::string_view what, const std::string& path) {
  const Errc code = errno == ENOSPC ? Errc::disk_full : Errc::unavailable;
  return {code, fmt::format("{} {}: {}", what, path, std::strerror(errno))};
}

Result<void> write_synced(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return os_error("create", path);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written) return os_error("write", path);
  return {};
}

Result<void> sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags);
  if (fd < 0) return os_error("open", path);
  const int synced = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  errno = error;
  if (synced != 0) return os_error("sync", path);
  return {};
}

// The name of the data directory itself. A parent that this process may not read was not written by it either.
Result<void> sync_parent(const std::string& directory) {
  std::filesystem::path path = std::filesystem::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::string parent = path.parent_path().string();
  if (::access(parent.c_str(), R_OK) != 0) return {};
  return sync_directory(parent);
}

Result<void> create(const std::string& directory, std::uint32_t version) {
  const std::string path = directory + "/FORMAT";
  TRUNKLINE_TRY_VOID(write_synced(path + ".new", fmt::format("{}{}\n", kWord, version)));
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) return os_error("rename", path);
  TRUNKLINE_TRY_VOID(sync_directory(directory));
  return sync_parent(directory);
}

}  // namespace

Result<void> sync_directory(const std::string& directory) {
  return sync(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Result<void> sync_file(const std::string& path) {
  return sync(path, O_RDONLY | O_CLOEXEC);
}

Result<void> check_format_file(const std::string& directory, std::uint32_t version) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return {Errc::unavailable, fmt::format("create {}: {}", directory, error.message())};
  TRUNKLINE_TRY(const bool there, has_format_file(directory, version));
  return there ? Result<void>() : create(directory, version);
}

Result<bool> has_format_file(const std::string& directory, std::uint32_t version) {
  std::error_code error;
  const std::string path = directory + "/FORMAT";
  std::ifstream file(path);
  if (!file) {
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (entry.path().filename() == "FORMAT.new") continue;
      return {Errc::conflict, fmt::format("{} holds {} but no FORMAT file: it is no data directory of this program. "
                                          "Choose an empty directory, or restore FORMAT from a backup",
                                          directory, entry.path().filename().string())};
    }
    return false;
  }
  std::string line;
  std::getline(file, line);
  std::uint32_t found = 0;
  const char* end = line.data() + line.size();
  const bool shape =
      line.starts_with(kWord) && std::from_chars(line.data() + kWord.size(), end, found).ptr == end && found > 0;
  if (!shape) return {Errc::corrupt, fmt::format("{} does not say 'trunkline N': restore it from a backup", path)};
  if (found > version) {
    return {Errc::unsupported,
            fmt::format("{} says format {}, this program knows up to {}. Nothing was touched: run the version "
                        "that wrote it, or a newer one",
                        path, found, version)};
  }
  return true;
}

Result<void> raise_format_file(const std::string& directory, std::uint32_t version) {
  std::ifstream file(directory + "/FORMAT");
  std::string line;
  std::getline(file, line);
  if (line == fmt::format("{}{}", kWord, version)) return {};
  return create(directory, version);
}

}  // namespace trunkline::store
