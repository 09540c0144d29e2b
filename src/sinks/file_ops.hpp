#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::sinks {

// The system calls of a file sink, so that tests can make them fail. Errors: Errc::disk_full (no space, quota, file too
// large), Errc::unauthenticated (no permission, read-only), Errc::not_found, Errc::conflict (exists), else
// Errc::unavailable; the detail names the path and the system's text. Blocking; any one thread.
class FileOps {
 public:
  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
  };

  struct Room {
    std::string directory;  // the one that was looked at
    bool exists = true;     // false: it is the nearest parent that exists
    std::uint64_t free_bytes = 0;
  };

  virtual ~FileOps() = default;
  // Creates the directory and its parents where they are missing.
  virtual base::Result<void> make_directory(const std::string& path) = 0;
  // Whether files can be made in the directory, or the directory in its nearest parent that exists; makes nothing.
  virtual base::Result<Room> room(const std::string& directory) = 0;
  virtual base::Result<std::vector<Entry>> list(const std::string& directory) = 0;  // regular files
  virtual base::Result<void> sync_directory(const std::string& path) = 0;
  virtual base::Result<void> remove(const std::string& path) = 0;
  virtual base::Result<void> rename(const std::string& from, const std::string& to) = 0;  // over what is there

  virtual base::Result<int> create(const std::string& path) = 0;  // Errc::conflict if it exists
  virtual base::Result<int> open(const std::string& path) = 0;    // an existing one, for reading and appending
  virtual base::Result<std::uint64_t> size(int file) = 0;
  virtual base::Result<std::string> read(int file, std::uint64_t at, std::size_t bytes) = 0;
  virtual base::Result<std::size_t> append(int file, std::string_view bytes) = 0;  // how many were written, at least 1
  virtual base::Result<void> cut(int file, std::uint64_t bytes) = 0;
  virtual base::Result<void> sync(int file) = 0;
  virtual void close(int file) = 0;
};

class SystemFileOps : public FileOps {
 public:
  base::Result<void> make_directory(const std::string& path) override;
  base::Result<Room> room(const std::string& directory) override;
  base::Result<std::vector<Entry>> list(const std::string& directory) override;
  base::Result<void> sync_directory(const std::string& path) override;
  base::Result<void> remove(const std::string& path) override;
  base::Result<void> rename(const std::string& from, const std::string& to) override;
  base::Result<int> create(const std::string& path) override;
  base::Result<int> open(const std::string& path) override;
  base::Result<std::uint64_t> size(int file) override;
  base::Result<std::string> read(int file, std::uint64_t at, std::size_t bytes) override;
  base::Result<std::size_t> append(int file, std::string_view bytes) override;
  base::Result<void> cut(int file, std::uint64_t bytes) override;
  base::Result<void> sync(int file) override;
  void close(int file) override;
};

}  // namespace trunkline::sinks
