#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "delivery/scheduler.hpp"

namespace trunkline::delivery {
namespace {

std::vector<engine::RecordPtr> make_records(std::size_t count) {
  std::vector<engine::RecordPtr> records;
  for (std::size_t i = 0; i < count; ++i) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = {i + 1};
    record->event.raw.assign(1'000, ' ');
    records.push_back(std::move(record));
  }
  return records;
}

// One event from lease to settlement, the engine and the sink answering at once. Arguments: events a batch, events a
// lane.
void deliver_healthy(benchmark::State& state) {
  const auto batch_messages = static_cast<std::size_t>(state.range(0));
  const auto per_lane = static_cast<std::size_t>(state.range(1));
  Options options;
  options.concurrency = 8;
  options.batch_messages = batch_messages;
  Scheduler scheduler("bench", options);
  const auto records = make_records(100'000);
  Now now{base::WallTime{}, base::MonoTime(std::chrono::hours(1))};
  Actions actions;
  std::size_t next = 0;
  std::uint64_t lease_id = 1;
  std::int64_t delivered = 0;
  for (auto _ : state) {
    scheduler.advance(now, actions);
    std::vector<std::pair<std::uint64_t, std::size_t>> sent;
    for (const Batch& batch : actions.send) sent.emplace_back(batch.id, batch.messages.size());
    if (actions.receive) {
      std::vector<engine::Lease> leases;
      for (std::size_t i = 0; i < actions.receive->max_messages; ++i) {
        if (i % per_lane == 0) leases.push_back({{}, lease_id++, {lease_id * 0x9E3779B97F4A7C15ull}, {}, {}});
        leases.back().messages.push_back({records[next++ % records.size()], 0, 1, {}, false});
      }
      scheduler.on_leases(std::move(leases), now);
    }
    for (const auto& [id, count] : sent) {
      BatchVerdict verdict;
      verdict.events.resize(count);
      delivered += static_cast<std::int64_t>(count);
      scheduler.on_verdict(id, std::move(verdict), now);
    }
  }
  state.SetItemsProcessed(delivered);
}
BENCHMARK(deliver_healthy)->Args({1, 1})->Args({100, 1})->Args({100, 4});

}  // namespace
}  // namespace trunkline::delivery
