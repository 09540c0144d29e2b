#include "store/wal_scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

// Exported by librocksdb, in no installed header: uses the CPU's instruction where there is one.
namespace rocksdb::crc32c {
extern std::uint32_t Extend(std::uint32_t initial, const char* data, std::size_t size);
}

namespace trunkline::store {
namespace {

using base::Result;

enum : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr std::uint32_t kMaskDelta = 0xa282ead8;  // RocksDB util/crc32c.h
constexpr std::size_t kRecordHead = 12;           // sequence and count of a batch

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint32_t masked(std::uint32_t crc) {
  return std::rotr(crc, 15) + kMaskDelta;
}
std::uint32_t unmasked(std::uint32_t stored) {
  return std::rotl(stored - kMaskDelta, 15);
}
std::uint32_t crc_of(std::string_view bytes) {
  return rocksdb::crc32c::Extend(0, bytes.data(), bytes.size());
}

bool all_zeros(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

struct Fragment {
  std::uint8_t type = 0;
  std::string_view payload;
};

// The fragment at an offset of a block, if it verifies.
std::optional<Fragment> fragment_at(std::string_view block, std::size_t at) {
  if (at + kWalHeader > block.size()) return std::nullopt;
  const std::string_view header = block.substr(at, kWalHeader);
  const std::size_t length = little_endian(header.substr(4, 2));
  const auto type = static_cast<std::uint8_t>(header[6]);
  if (type < kFull || type > kLast || length > block.size() - at - kWalHeader) return std::nullopt;
  if (wal_checksum(block.substr(at + 6, 1 + length)) != little_endian(header.substr(0, 4))) return std::nullopt;
  return Fragment{type, block.substr(at + kWalHeader, length)};
}

// Puts fragments together to records; keeps no more of a record than its head.
class Assembler {
 public:
  enum class Step : std::uint8_t { wrong, part, whole };

  explicit Assembler(bool has_sequences) : has_sequences_(has_sequences) {}

  Step add(const Fragment& fragment) {
    const bool begins = fragment.type == kFull || fragment.type == kFirst;
    if (begins == inside_) return Step::wrong;
    if (begins) head_.clear();
    head_.append(fragment.payload.substr(0, kRecordHead - head_.size()));
    inside_ = fragment.type == kFirst || fragment.type == kMiddle;
    if (inside_) return Step::part;
    return head_.size() == kRecordHead || !has_sequences_ ? Step::whole : Step::wrong;
  }
  bool inside() const { return inside_; }
  // Of the record that was begun last, as soon as its head is there.
  std::optional<std::uint64_t> sequence() const {
    if (!has_sequences_ || head_.size() < kRecordHead) return std::nullopt;
    return little_endian(std::string_view(head_).substr(0, 8));
  }
  void reset() {
    head_.clear();
    inside_ = false;
  }

 private:
  const bool has_sequences_;
  std::string head_;
  bool inside_ = false;
};

// Whether the payload or type behind a header, or the checksum in it, differs in one bit from what verifies. The
// difference that a bit makes to a CRC depends on nothing but its distance from the end.
bool one_bit_of_content(std::string_view block, std::size_t at, std::size_t length) {
  const std::string_view content = block.substr(at + 6, 1 + length);
  const auto stored = static_cast<std::uint32_t>(little_endian(block.substr(at, 4)));
  const std::uint32_t crc = crc_of(content);
  if (std::popcount(masked(crc) ^ stored) == 1) return true;
  const std::uint32_t difference = crc ^ unmasked(stored);
  std::array<std::uint32_t, 8> turned{};
  const char zero = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    const char one = static_cast<char>(1u << bit);
    turned[bit] = rocksdb::crc32c::Extend(0, &one, 1) ^ rocksdb::crc32c::Extend(0, &zero, 1);
  }
  static const std::array<std::uint32_t, 256> step = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);  // Castagnoli
      table[i] = value;
    }
    return table;
  }();
  for (std::size_t distance = 0; distance < content.size(); ++distance) {
    for (std::uint32_t& each : turned) {
      if (each == difference) return true;
      each = each >> 8 ^ step[each & 0xff];  // one byte further from the end
    }
  }
  return false;
}

bool one_bit_off(std::string_view block, std::size_t at) {
  if (at + kWalHeader > block.size()) return false;
  const std::size_t room = block.size() - at - kWalHeader;
  const std::size_t length = little_endian(block.substr(at + 4, 2));
  const auto type = static_cast<std::uint8_t>(block[at + 6]);
  if (type >= kFull && type <= kLast) {
    for (unsigned bit = 0; bit < 16; ++bit) {
      const std::size_t other = length ^ (1u << bit);
      if (other <= room && wal_checksum(block.substr(at + 6, 1 + other)) == little_endian(block.substr(at, 4)))
        return true;
    }
  }
  return length <= room && one_bit_of_content(block, at, length);
}

class Scanner {
 public:
  Scanner(const WalSource& source, std::uint64_t floor) : source_(source), record_(source.has_sequences) {
    scan_.size = source.size;
    scan_.sequence = floor;
  }

  Result<WalScan> run() {
    const std::uint64_t blocks = (source_.size + kWalBlock - 1) / kWalBlock;
    for (std::uint64_t index = 0; index < blocks; ++index) {
      TRUNKLINE_TRY(const std::string_view block, source_.read(index));
      if (scan_.bad_at) {
        zeros_ = zeros_ && all_zeros(block);
        search(index, block, 0);
      } else {
        walk(index, block);
      }
      if (scan_.behind) return scan_;
    }
    if (zeros_) {
      scan_.bad_at.reset();
    } else if (!scan_.bad_at && record_.inside()) {
      scan_.bad_at = source_.size;  // ends in the middle of a record
    }
    return scan_;
  }

 private:
  // Whether the rest of a block is what the writer leaves when no header fits. Its content means nothing.
  static bool is_trailer(std::size_t at) { return kWalBlock - at < kWalHeader; }

  void walk(std::uint64_t index, std::string_view block) {
    std::size_t at = 0;
    while (at < block.size() && !is_trailer(at)) {
      const auto fragment = fragment_at(block, at);
      const Assembler::Step step = fragment ? record_.add(*fragment) : Assembler::Step::wrong;
      if (step == Assembler::Step::wrong) {
        scan_.bad_at = index * kWalBlock + at;
        zeros_ = !record_.inside() && all_zeros(block.substr(at));
        scan_.one_bit = !fragment && !zeros_ && one_bit_off(block, at);
        record_.reset();
        return search(index, block, at);
      }
      at += kWalHeader + fragment->payload.size();
      if (step == Assembler::Step::part) continue;
      ++scan_.records;
      scan_.sequence = record_.sequence().value_or(scan_.sequence);
      scan_.good_end = index * kWalBlock + at;
    }
  }

  // Looks for a record behind the damage. In the block of the damage every offset may begin one; later blocks begin
  // with a fragment.
  void search(std::uint64_t index, std::string_view block, std::size_t at) {
    const bool every_offset = at != 0 || index * kWalBlock == *scan_.bad_at;
    while (at < block.size() && !is_trailer(at)) {
      const auto fragment = fragment_at(block, at);
      if (!fragment) {
        record_.reset();
        if (!every_offset) return;
        ++at;
        continue;
      }
      if (record_.add(*fragment) == Assembler::Step::wrong) {
        record_.reset();
        if (record_.add(*fragment) == Assembler::Step::wrong) record_.reset();
      }
      const bool begins = fragment->type == kFull || fragment->type == kFirst;
      if (!begun_at_ || begins) begun_at_ = index * kWalBlock + at;
      const auto sequence = record_.sequence();
      if (source_.has_sequences ? sequence && *sequence > scan_.sequence : begins) {
        scan_.behind = begun_at_;
        return;
      }
      at += kWalHeader + fragment->payload.size();
    }
  }

  const WalSource& source_;
  WalScan scan_;
  bool zeros_ = false;  // from bad_at on, which stands behind a whole record
  Assembler record_;
  std::optional<std::uint64_t> begun_at_;
};

}  // namespace

std::uint32_t wal_checksum(std::string_view bytes) {
  return masked(crc_of(bytes));
}

Result<WalScan> scan_wal(const WalSource& source, std::uint64_t floor) {
  return Scanner(source, floor).run();
}

}  // namespace trunkline::store
