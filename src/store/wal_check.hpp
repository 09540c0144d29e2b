#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace rocksdb {
class FileSystem;
}

namespace trunkline::store {

struct WalDrop {
  std::string path;
  std::uint64_t kept = 0;     // bytes
  std::uint64_t dropped = 0;  // bytes
};

// Verifies every write-ahead log (`*.log`) of a database that is not open, before RocksDB replays them, because no
// recovery mode of RocksDB 7.8.3 does both of: drop what a power cut leaves, and refuse anything else (a flipped bit in
// a type byte, or in a length near the end, silently drops acknowledged records in every mode).
//
// - A log that ends in bytes that do not verify, with no later record behind them in this log or a later one, has a
//   torn tail: it is cut behind its last whole record and synced, and named in the answer. Zeros behind it are cut, too,
//   and not named: there was nothing yet.
// - Damage with a later record behind it, or that is one flipped bit, is Errc::corrupt with file, offset and the way
//   out; then no file is touched.
// - Errc::unavailable: another process has the database open, or the disk does not answer.
//
// Cannot be known from the logs, and is not noticed: more than one bit of the very last record changed, a log that was
// cut at the end of a record, and a newest log that is gone.
//
// `directory` is the database's. Holds RocksDB's lock of it meanwhile. Reads about 1 GB/s; memory: one block.
base::Result<std::vector<WalDrop>> check_wals(rocksdb::FileSystem& files, const std::string& directory);

// The same for the file that names all others, before anything is opened. Errc::corrupt: there are logs or tables but no
// CURRENT file (RocksDB would begin a new database there and remove them), or the MANIFEST is damaged elsewhere than a
// write that was cut short would leave it (RocksDB takes a length that runs past the end for that, and forgets tables).
base::Result<void> check_manifest(rocksdb::FileSystem& files, const std::string& directory);

}  // namespace trunkline::store
