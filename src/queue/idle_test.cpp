#include <gtest/gtest.h>

#include "queue/disk_guard.hpp"
#include "queue/faulty_engine_test.hpp"

// Nothing is written for a while: memory that only traffic needs is given back, and nothing else changes.
namespace trunkline::queue {
namespace {

using engine::contract::Ids;
using engine::contract::make_event;

class Idle : public FaultyEngine {
 protected:
  static constexpr int kEvents = 12;  // of 1 MiB each: more than is worth a file, less than fills a memtable

  void SetUp() override {
    FaultyEngine::SetUp();
    options_.sweep_interval = base::Millis(10);
    open();
    queue_ = declare(spec("q", event::Order::conversation));
  }
  static event::Event big(const std::string& id) { return make_event(id, "c", '"' + std::string(1 << 20, 'x') + '"'); }
  // As a sender does: what is refused is sent again, and may be there already.
  void accept(event::Event event) {
    for (int tries = 0; tries < 10; ++tries) {
      if (publish(event, {queue_}).verdict != engine::PublishVerdict::failed) return;
      until([this] { return !embedded().refusing(); });
    }
    ADD_FAILURE() << event.envelope_id << " is refused again and again";
  }
  Ids publish_all() {
    Ids published;
    for (int i = 0; i < kEvents; ++i) {
      published.push_back("e" + std::to_string(i));
      accept(big(published.back()));
    }
    return published;
  }
  std::uint64_t unflushed() { return embedded().store().usage().unflushed_bytes; }

  base::QueueId queue_;
};

TEST_F(Idle, memtables_are_written_out_and_the_events_are_still_delivered_in_order) {
  const Ids published = publish_all();
  until([this] { return unflushed() < DiskGuard::kRestBytes; });
  EXPECT_EQ(drain(queue_, published.size()), published);
}

TEST_F(Idle, an_error_of_the_disk_meanwhile_loses_nothing) {
  store::FaultRule fault;
  fault.op = store::FaultOp::append;
  fault.name_part = ".sst";
  fault.times = 1;
  faults().inject(fault);
  Ids published = publish_all();
  until([this] { return faults().counts().failed[static_cast<std::size_t>(store::FaultOp::append)] > 0; });
  accept(make_event("after", "c"));
  published.push_back("after");
  EXPECT_EQ(drain(queue_, published.size()), published);
}

TailBatchPtr batch_at(std::uint64_t sequence, std::int64_t accepted_ms) {
  auto record = std::make_shared<engine::Record>();
  record->sequence = base::Sequence{sequence};
  record->accepted_at = base::WallTime(base::Millis(accepted_ms));
  auto batch = std::make_shared<TailBatch>();
  batch->entries.push_back({std::move(record), {}});
  batch->bytes = 10;
  return batch;
}

TEST(TailCache, what_is_old_leaves_when_something_new_comes) {
  TailCache tail(1'000);
  tail.push(batch_at(1, 0));
  tail.push(batch_at(2, TailCache::kAgeMaxMs));
  EXPECT_NE(tail.find(base::Sequence{1}), nullptr);
  tail.push(batch_at(3, TailCache::kAgeMaxMs + 1));
  EXPECT_EQ(tail.find(base::Sequence{1}), nullptr);
  EXPECT_NE(tail.find(base::Sequence{2}), nullptr);
  EXPECT_NE(tail.find(base::Sequence{3}), nullptr);
}

TEST(TailCache, a_clock_that_jumps_back_costs_nothing) {
  TailCache tail(1'000);
  tail.push(batch_at(1, 100'000));
  tail.push(batch_at(2, 0));
  EXPECT_NE(tail.find(base::Sequence{1}), nullptr);
}

TEST(TailCache, more_than_fits_leaves_the_newest) {
  TailCache tail(20);
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) tail.push(batch_at(sequence, 0));
  EXPECT_EQ(tail.find(base::Sequence{1}), nullptr);
  EXPECT_NE(tail.find(base::Sequence{2}), nullptr);
}

}  // namespace
}  // namespace trunkline::queue
