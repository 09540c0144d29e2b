#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "store/wal_scan.hpp"

namespace {

using trunkline::store::kWalBlock;
using trunkline::store::scan_wal;
using trunkline::store::WalScan;
using trunkline::store::WalSource;

WalScan scan(std::string_view log, bool has_sequences) {
  const WalSource source{log.size(),
                         [log](std::uint64_t block) -> trunkline::base::Result<std::string_view> {
                           return log.substr(block * kWalBlock, kWalBlock);
                         },
                         has_sequences};
  return scan_wal(source, 0).value();
}

// A log from a recipe, since no fuzzer guesses a checksum: each 4 bytes are one fragment's type, length (in units that
// reach a block's end) and sequence, and how many bytes of zeros stand in front.
std::string build(std::string_view recipe) {
  std::string log;
  for (; recipe.size() >= 4 && log.size() < 8 * kWalBlock; recipe.remove_prefix(4)) {
    log.append(static_cast<std::uint8_t>(recipe[3]) % 16, '\0');
    std::string content(1, recipe[0]);
    content.push_back(recipe[2]);
    content.append(static_cast<std::size_t>(static_cast<std::uint8_t>(recipe[1])) * 127, '\0');
    const std::uint32_t crc = trunkline::store::wal_checksum(content);
    for (int i = 0; i < 4; ++i) log.push_back(static_cast<char>(crc >> (8 * i)));
    log.push_back(static_cast<char>((content.size() - 1) & 0xff));
    log.push_back(static_cast<char>((content.size() - 1) >> 8));
    log += content;
  }
  return log;
}

void check(std::string_view log, bool has_sequences) {
  const WalScan found = scan(log, has_sequences);
  TRUNKLINE_CHECK(found.size == log.size(), "the size is the log's");
  TRUNKLINE_CHECK(found.good_end <= log.size(), "the end of the last record lies inside");
  if (!found.bad_at) {
    TRUNKLINE_CHECK(!found.behind && !found.one_bit, "a whole log is not damaged");
  } else {
    TRUNKLINE_CHECK(*found.bad_at >= found.good_end, "no record is whole behind the first bad byte");
    TRUNKLINE_CHECK(!found.behind || *found.behind >= *found.bad_at, "proof stands behind the damage");
  }
  // What is kept of a torn log is whole, and the same records.
  const WalScan kept = scan(log.substr(0, found.good_end), has_sequences);
  TRUNKLINE_CHECK(!kept.bad_at, "what is kept is whole");
  TRUNKLINE_CHECK(kept.records == found.records && kept.sequence == found.sequence, "the same records");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string built = build(bytes);
  for (const bool has_sequences : {true, false}) {
    check(bytes, has_sequences);
    check(built, has_sequences);
  }
  return 0;
}
