#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rocksdb {
class FileSystem;
}

namespace trunkline::store {

// What a column family is used for decides how RocksDB keeps it.
enum class Shape : std::uint8_t {
  log,     // appended in key order, large values, deleted in ranges
  lookup,  // point lookups of random keys, mostly misses: bloom filters
  small,   // few and short entries, iterated by prefix
};

struct Family {
  std::string name;
  Shape shape = Shape::small;
  // Lookup families only: an entry for which this returns true may vanish at any compaction. Any thread.
  std::function<bool(std::string_view key, std::string_view value)> expired;
};

// What spare write-ahead logs take at most. A log has 34 MB when one family takes most of what is written.
inline constexpr std::uint64_t kSpareLogBytes = 128 << 20;

struct Options {
  std::string directory;
  std::vector<Family> families;  // a value's place is the family's handle; names are on disk, never reorder or rename
  std::uint64_t memory_budget = 192 << 20;  // block cache and memtables together
  // A family's memtable is flushed at this size. Small, flushes and compactions come every few thousand writes: the
  // crash drill wants to meet them.
  std::uint64_t write_buffer_bytes = 32 << 20;
  std::uint32_t format_version = 1;  // of the data; see open()
  // False: table files are added and never merged. For the simulation, which is short and wants no thread but its own
  // at work.
  bool compacts = true;
  std::uint64_t spare_log_bytes = kSpareLogBytes;    // see limit_spare_logs()
  std::shared_ptr<rocksdb::FileSystem> file_system;  // default: the real one
};

using FamilyHandle = std::size_t;  // index into Options::families

// Changes that are applied together or not at all.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  void put(FamilyHandle family, std::string_view key, std::string_view value);
  void remove(FamilyHandle family, std::string_view key);
  void remove_range(FamilyHandle family, std::string_view first, std::string_view end);  // end is not removed
  void append(const Batch& other);
  void clear();
  bool empty() const;
  std::size_t bytes() const;

  enum class Kind : std::uint8_t { put, remove, remove_range };
  // In order; `value` is the value of a put or the end of a range.
  void visit(const std::function<void(Kind kind, FamilyHandle family, std::string_view key, std::string_view value)>&
                 visitor) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Entries of one family in key order, of the state at the moment it was made. Keeps the store from being reopened;
// short-lived.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;    // until next()
  virtual std::string_view value() const = 0;  // until next()
  virtual void next() = 0;
  // After valid() has become false: whether the end was reached or an error was met (Errc::corrupt, Errc::unavailable).
  virtual base::Result<void> status() const = 0;
};

// How many entries of a log will be read: thousands, or so few that what is read from the disk in advance were in vain.
enum class Walk : std::uint8_t { far, near };

// RocksDB behind a fence. Knows bytes, families and durability; nothing of events or queues. Thread-safe, but for
// write() and sync() (one thread) and reopen().
//
// Torn and flipped bytes: a torn tail of the write-ahead log is what a power cut leaves, and is dropped; anything else
// that does not match its checksum is refused with Errc::corrupt, and the text says the way out (wal_check.hpp has the
// limits). A refused store is left untouched.
class Store {
 public:
  // A FORMAT file in the directory is read before anything is opened: a newer version than format_version is
  // Errc::unsupported.
  static base::Result<std::unique_ptr<Store>> open(Options options);
  ~Store();

  base::Result<std::optional<std::string>> get(FamilyHandle family, std::string_view key) const;
  // One answer per key, in order.
  base::Result<std::vector<std::optional<std::string>>> multi_get(FamilyHandle family,
                                                                  const std::vector<std::string_view>& keys) const;
  // From `first` on, keys below `end` (empty: no end).
  std::unique_ptr<Cursor> seek(FamilyHandle family, std::string_view first, std::string_view end,
                               Walk walk = Walk::far) const;
  // The greatest key of the family below `end` (empty: no end).
  base::Result<std::optional<std::string>> last_key(FamilyHandle family, std::string_view end = {}) const;

  // Visible at once; on disk after sync(). After an error (Errc::disk_full, Errc::unavailable) the store takes no more
  // writes until reopen(), and what the failed call wrote may or may not be there.
  base::Result<void> write(Batch& batch);
  base::Result<void> sync();

  // How much of the disk spare write-ahead logs may take (spare_logs.hpp) from now on; what is over it is given back.
  void limit_spare_logs(std::uint64_t bytes);

  // Closes and opens again, for use after an error. Waits for cursors and reads under way.
  base::Result<void> reopen();

  struct Usage {
    std::uint64_t bytes = 0;            // files of the store
    std::uint64_t free_bytes = 0;       // of the device
    std::uint64_t merge_bytes = 0;      // files of lookup families: a merge may need that much more until it has ended
    std::uint64_t memory_bytes = 0;     // memtables and block cache
    std::uint64_t unflushed_bytes = 0;  // memtables: what a start after a kill replays from the write-ahead logs
    std::uint64_t changes = 0;          // made so far: the same number twice says that nothing was written in between
  };
  Usage usage() const;

  // A copy that can be opened as a store, made while this one runs (hard links where the device is the same).
  base::Result<void> checkpoint(const std::string& directory) const;

  // Flushes memtables and compacts everything: tests and tools.
  base::Result<void> compact();
  // Rewrites the files that hold keys from `first` up to `end` without what was removed. Any thread; blocks.
  base::Result<void> compact(FamilyHandle family, std::string_view first, std::string_view end);
  base::Result<void> flush();
  // Gives back at once the files that hold nothing but keys from `first` up to `end`; only for keys that were removed
  // already.
  base::Result<void> reclaim(FamilyHandle family, std::string_view first, std::string_view end);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::store
