#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.hpp"

// Reads the format of RocksDB's write-ahead log (RocksDB wiki, "Write Ahead Log File Format"): blocks of 32 KiB; in
// them fragments of crc32c of type and payload (masked), 2 bytes of length, 1 byte of type, all little-endian, and the
// payload; a record is a FULL fragment, or FIRST, MIDDLE…, LAST; a record begins with the 8 bytes of its sequence and
// the 4 bytes of its count. Compression and recycling of logs are off here, so only types 1 to 4 are legal. A log that is
// written over a file of zeros (spare_logs.hpp) ends where nothing but zeros follows.
namespace trunkline::store {

inline constexpr std::size_t kWalBlock = 32 << 10;
inline constexpr std::size_t kWalHeader = 7;

// A log, block by block: every block is whole but the last. The view is used until the next call.
struct WalSource {
  std::uint64_t size = 0;
  std::function<base::Result<std::string_view>(std::uint64_t block)> read;
  // Whether records begin with a sequence and a count. Those of a MANIFEST, which has the same format, do not: there
  // any record that stands whole behind damage is proof.
  bool has_sequences = true;
};

// What a log holds up to the first byte that does not verify.
struct WalScan {
  std::uint64_t size = 0;      // bytes of the log
  std::uint64_t good_end = 0;  // end of its last whole record
  std::uint64_t records = 0;   // whole ones
  std::uint64_t sequence = 0;  // of the last whole record; without one, the floor that was given
  // Where the first fragment stands that does not verify; none: the log is whole, and behind good_end are no bytes or zeros.
  std::optional<std::uint64_t> bad_at;
  // Proof that more was there than a write cut short. Each of the two excludes a torn tail: a commit is one record and
  // is synced before the next one is written, and a write that is cut short differs in more than a bit.
  std::optional<std::uint64_t> behind;  // a record with a higher sequence that verifies stands here
  bool one_bit = false;                 // the fragment at bad_at verifies when one bit of it is turned
};

// `floor`: the highest sequence of the logs before this one. Errors are those of the source. Time: linear; behind bad
// bytes each offset of one block is tried.
base::Result<WalScan> scan_wal(const WalSource& source, std::uint64_t floor);

// The checksum of a fragment as it stands in its header; `bytes` is the type and the payload. For tests and fuzzing.
std::uint32_t wal_checksum(std::string_view bytes);

}  // namespace trunkline::store
