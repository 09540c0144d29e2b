#include <gtest/gtest.h>

#include "queue/faulty_engine_test.hpp"

// A quiet night: all is delivered and swept, then the program starts again.
namespace trunkline::queue {
namespace {

using engine::contract::Ids;
using engine::contract::make_event;

class SweepRestart : public FaultyEngine {
 protected:
  void SetUp() override {
    FaultyEngine::SetUp();
    options_.retain = base::Millis(0);
    options_.sweep_interval = base::Millis(10);
    open();
    declare_queue();
  }
  void declare_queue() { queue_ = declare(spec("q", event::Order::conversation)); }
  bool log_is_empty() { return !embedded().store().last_key(handle(Table::scan)).value().has_value(); }

  base::QueueId queue_;
};

TEST_F(SweepRestart, no_sequence_number_is_given_twice_and_nothing_hides_below_a_cursor) {
  std::uint64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    for (int i = 0; i < 5; ++i) {
      const std::string id = "e" + std::to_string(run) + std::to_string(i);
      const engine::PublishResult result = publish(make_event(id, "c"), {queue_});
      EXPECT_GT(result.sequence, last);
      last = result.sequence;
      EXPECT_EQ(deliver(queue_, 1), Ids{id});
    }
    until([this] { return log_is_empty(); });
    fixture_->reopen();
    declare_queue();
  }
}

// The same after an error of the disk, when all is made anew in the running program.
TEST_F(SweepRestart, nor_after_the_store_was_reopened) {
  const std::uint64_t last = publish(make_event("before", "c"), {queue_}).sequence;
  EXPECT_EQ(deliver(queue_, 1), Ids{"before"});
  until([this] { return log_is_empty(); });
  store::FaultRule fault;
  fault.op = store::FaultOp::sync;
  fault.name_part = ".log";
  fault.times = 1;
  faults().inject(fault);
  EXPECT_EQ(publish(make_event("refused", "c"), {queue_}).verdict, engine::PublishVerdict::failed);
  until([this] { return !embedded().refusing(); });
  EXPECT_GT(publish(make_event("after", "c"), {queue_}).sequence, last);
  // What was refused may be there after all.
  Ids delivered = deliver(queue_, 1);
  if (delivered == Ids{"refused"}) delivered = deliver(queue_, 1);
  EXPECT_EQ(delivered, Ids{"after"});
}

}  // namespace
}  // namespace trunkline::queue
