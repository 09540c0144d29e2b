#include <benchmark/benchmark.h>

#include <string>

#include "store/wal_scan.hpp"

namespace trunkline::store {
namespace {

// A log of whole records that fill its blocks, in memory.
std::string make_log(std::size_t bytes) {
  std::string log;
  std::uint64_t sequence = 1;
  while (log.size() < bytes) {
    std::string content(1, '\x01');
    for (int i = 0; i < 8; ++i) content.push_back(static_cast<char>(sequence >> (8 * i)));
    content.append(kWalBlock / 8 - kWalHeader - 8, 'x');  // eight fragments fill a block
    const std::uint32_t crc = wal_checksum(content);
    for (int i = 0; i < 4; ++i) log.push_back(static_cast<char>(crc >> (8 * i)));
    const std::size_t length = content.size() - 1;
    log.push_back(static_cast<char>(length & 0xff));
    log.push_back(static_cast<char>(length >> 8));
    log += content;
    ++sequence;
  }
  return log;
}

void scan_whole_log(benchmark::State& state) {
  const std::string log = make_log(static_cast<std::size_t>(state.range(0)));
  const WalSource source{log.size(), [&log](std::uint64_t block) -> base::Result<std::string_view> {
                           return std::string_view(log).substr(block * kWalBlock, kWalBlock);
                         }};
  for (auto _ : state) benchmark::DoNotOptimize(scan_wal(source, 0).value().records);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(log.size()));
}
BENCHMARK(scan_whole_log)->Arg(64 << 10)->Arg(32 << 20);

}  // namespace
}  // namespace trunkline::store
