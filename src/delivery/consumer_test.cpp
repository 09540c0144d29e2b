#include "delivery/consumer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "delivery/fake_engine.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

// A downstream that the test plays: keeps every batch until it is answered.
struct Downstream {
  struct Open {
    Batch batch;
    base::UniqueFunction<void(BatchVerdict)> done;
  };
  std::vector<Open> open;
  SinkLimits limits;
  bool destroyed = false;

  void answer(Verdict verdict) {
    std::vector<Open> now;
    now.swap(open);
    for (Open& one : now) {
      BatchVerdict answer;
      answer.events.resize(one.batch.messages.size(), {verdict, {}, "test", ""});
      one.done(std::move(answer));
    }
  }
};
class FakeSink final : public Sink {
 public:
  explicit FakeSink(Downstream& downstream) : downstream_(downstream) {}
  ~FakeSink() override { downstream_.destroyed = true; }
  SinkLimits limits() const override { return downstream_.limits; }
  void send(Batch batch, base::UniqueFunction<void(BatchVerdict)> done) override {
    downstream_.open.push_back({std::move(batch), std::move(done)});
  }

 private:
  Downstream& downstream_;
};

class ConsumerTest : public testing::Test {
 protected:
  ConsumerTest() {
    options_.concurrency = 2;
    options_.adaptive = false;
  }

  Consumer& start() {
    consumer_ =
        std::make_unique<Consumer>("crm", engine_, base::QueueId{1}, std::make_unique<FakeSink>(downstream_), options_);
    consumer_->start();
    loop_.run();
    return *consumer_;
  }
  void stop(Millis deadline) {
    consumer_->stop(deadline, [this] { stopped_ = true; });
    loop_.run();
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  FakeEngine engine_{loop_};
  Downstream downstream_;
  Options options_;
  std::unique_ptr<Consumer> consumer_;
  bool stopped_ = false;
};

TEST_F(ConsumerTest, says_to_other_workers_that_the_downstream_is_away_and_hears_that_it_is_back) {
  engine_.accept(1);
  consumer_ =
      std::make_unique<Consumer>("crm", engine_, base::QueueId{1}, std::make_unique<FakeSink>(downstream_), options_);
  consumer_->share_breaker({});
  consumer_->start();
  loop_.run();
  downstream_.answer(Verdict::unavailable);
  loop_.run();
  auto note = decode_breaker_note(engine_.state.at("consumers/crm/breaker"));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->word, BreakerWord::open);
  // Its first probe is taken by a note of its own.
  loop_.advance(seconds(2));
  note = decode_breaker_note(engine_.state.at("consumers/crm/breaker"));
  EXPECT_EQ(note->word, BreakerWord::probing);
  EXPECT_EQ(consumer_->breaker(), BreakerState::half_open);
  EXPECT_THAT(downstream_.open, SizeIs(1));
  // Another worker's news.
  BreakerNote closed{note->version + 1, BreakerWord::closed, {}, seconds(1), {}, false};
  consumer_->breaker_seen(closed);
  loop_.run();
  EXPECT_EQ(consumer_->breaker(), BreakerState::closed);
  downstream_.answer(Verdict::delivered);
  loop_.run();
  EXPECT_EQ(engine_.queue.unsettled(), 0U);
}

TEST_F(ConsumerTest, begins_with_an_outage_that_other_workers_have_seen) {
  engine_.accept(1);
  consumer_ =
      std::make_unique<Consumer>("crm", engine_, base::QueueId{1}, std::make_unique<FakeSink>(downstream_), options_);
  engine_.versions["consumers/crm/breaker"] = 3;
  consumer_->share_breaker({3, BreakerWord::open, seconds(8), seconds(8), {}, false});
  consumer_->start();
  loop_.advance(seconds(8));
  EXPECT_THAT(downstream_.open, SizeIs(0));
  loop_.advance(SharedBreaker::kSeenWithin);
  EXPECT_THAT(downstream_.open, SizeIs(1)) << "nobody else has probed";
}

TEST_F(ConsumerTest, delivers_what_is_there_and_what_comes) {
  engine_.accept(1);
  start();
  engine_.accept(1);
  engine_.accept(2);
  loop_.run();
  while (!downstream_.open.empty()) {
    downstream_.answer(Verdict::delivered);
    loop_.run();
  }
  EXPECT_THAT(engine_.queue.delivered[1], ElementsAre(1, 2));
  EXPECT_THAT(engine_.queue.delivered[2], ElementsAre(3));
}

TEST_F(ConsumerTest, batches_are_bounded_by_the_sinks_limits) {
  options_.batch_messages = 100;
  options_.concurrency = 1;
  downstream_.limits = {3, 1 << 20};
  for (std::uint64_t lane = 1; lane <= 10; ++lane) engine_.accept(lane);
  start();
  ASSERT_THAT(downstream_.open, SizeIs(1));
  EXPECT_THAT(downstream_.open[0].batch.messages, SizeIs(3));
  EXPECT_EQ(downstream_.open[0].batch.consumer, "crm");
}

TEST_F(ConsumerTest, a_batch_goes_by_its_timer) {
  options_.batch_messages = 10;
  options_.batch_age = Millis(200);
  downstream_.limits.max_batch_messages = 10;
  engine_.accept(1);
  start();
  loop_.advance(Millis(190));
  EXPECT_THAT(downstream_.open, SizeIs(0));
  loop_.advance(Millis(20));
  EXPECT_THAT(downstream_.open, SizeIs(1));
}

TEST_F(ConsumerTest, a_successor_goes_on_with_the_budget) {
  options_.budget.requests = 3;
  for (std::uint64_t lane = 1; lane <= 5; ++lane) engine_.accept(lane);
  start();
  ASSERT_THAT(downstream_.open, SizeIs(2));
  downstream_.answer(Verdict::delivered);
  loop_.run();
  ASSERT_THAT(downstream_.open, SizeIs(1));
  downstream_.answer(Verdict::delivered);
  loop_.run();
  EXPECT_THAT(downstream_.open, SizeIs(0));
  stop(seconds(1));
  start();
  EXPECT_THAT(downstream_.open, SizeIs(0));
  EXPECT_TRUE(consumer_->statistics().budget.has_value());
  for (int i = 0; i < 25 * 60; ++i) loop_.advance(std::chrono::minutes(1));
  EXPECT_THAT(downstream_.open, SizeIs(2));
}

TEST_F(ConsumerTest, an_outage_passes_without_help) {
  for (std::uint64_t lane = 1; lane <= 5; ++lane) engine_.accept(lane);
  start();
  for (int i = 0; i < 60; ++i) {
    downstream_.answer(Verdict::unavailable);
    loop_.advance(seconds(10));
  }
  EXPECT_NE(consumer_->statistics().breaker, BreakerState::closed);
  for (int i = 0; i < 60; ++i) {
    downstream_.answer(Verdict::delivered);
    loop_.advance(seconds(10));
  }
  EXPECT_EQ(engine_.queue.unsettled(), 0u);
  EXPECT_EQ(consumer_->statistics().breaker, BreakerState::closed);
  EXPECT_EQ(consumer_->statistics().delivered, 5u);
}

TEST_F(ConsumerTest, a_pause_takes_back_the_receive_and_resume_asks_again) {
  start();
  EXPECT_TRUE(engine_.receiving());
  consumer_->pause();
  loop_.run();
  EXPECT_FALSE(engine_.receiving());
  engine_.accept(1);
  loop_.run();
  EXPECT_THAT(downstream_.open, SizeIs(0));
  consumer_->resume();
  loop_.run();
  EXPECT_THAT(downstream_.open, SizeIs(1));
}

TEST_F(ConsumerTest, stop_waits_for_batches_in_flight) {
  for (std::uint64_t lane = 1; lane <= 10; ++lane) engine_.accept(lane);
  start();
  stop(seconds(30));
  EXPECT_FALSE(stopped_);
  downstream_.answer(Verdict::delivered);
  loop_.run();
  EXPECT_TRUE(stopped_);
  EXPECT_EQ(engine_.queue.unsettled(), 8u);
  EXPECT_EQ(engine_.queue.leases_open(), 0u);
  EXPECT_EQ(consumer_->statistics().delivered, 2u) << "the last figures are published";
}

TEST_F(ConsumerTest, stop_gives_up_at_its_deadline_and_releases_what_hangs) {
  for (std::uint64_t lane = 1; lane <= 10; ++lane) engine_.accept(lane);
  start();
  stop(seconds(30));
  loop_.advance(seconds(30));
  EXPECT_TRUE(stopped_);
  EXPECT_EQ(engine_.queue.leases_open(), 0u);
  downstream_.answer(Verdict::delivered);
  loop_.run();
  EXPECT_EQ(engine_.queue.unsettled(), 10u) << "late verdicts are ignored";
}

TEST_F(ConsumerTest, stop_before_start_and_of_an_idle_consumer_ends_at_once) {
  start();
  stop(seconds(30));
  EXPECT_TRUE(stopped_);
  EXPECT_FALSE(engine_.receiving());
  Downstream other;
  Consumer never_started("x", engine_, base::QueueId{1}, std::make_unique<FakeSink>(other), options_);
  bool stopped = false;
  never_started.stop(seconds(1), [&] { stopped = true; });
  loop_.run();
  EXPECT_TRUE(stopped);
}

TEST_F(ConsumerTest, stopped_again_the_earlier_deadline_holds_and_both_are_told) {
  for (std::uint64_t lane = 1; lane <= 4; ++lane) engine_.accept(lane);
  start();
  stop(seconds(3'600));
  bool again = false;
  consumer_->stop(seconds(10), [&] { again = true; });
  consumer_->stop(seconds(20), [] {});
  loop_.advance(seconds(9));
  EXPECT_FALSE(stopped_);
  loop_.advance(seconds(1));
  EXPECT_TRUE(stopped_);
  EXPECT_TRUE(again);
  bool late = false;
  consumer_->stop(seconds(1), [&] { late = true; });
  loop_.run();
  EXPECT_TRUE(late) << "it has ended already";
}

TEST_F(ConsumerTest, a_successor_goes_on_with_the_sink_the_counts_and_the_lanes) {
  engine_.accept(1);
  engine_.accept(1);
  start();
  const std::uint64_t first_batch = downstream_.open.at(0).batch.id;
  stop(seconds(3'600));
  EXPECT_FALSE(stopped_) << "what is in flight is awaited";
  downstream_.answer(Verdict::delivered);
  loop_.run();
  ASSERT_TRUE(stopped_);
  std::unique_ptr<Sink> sink = consumer_->take_sink();
  const Statistics counted = consumer_->statistics();
  consumer_ = std::make_unique<Consumer>("crm", engine_, base::QueueId{1}, std::move(sink), options_, counted);
  EXPECT_FALSE(downstream_.destroyed);
  consumer_->start();
  loop_.run();
  ASSERT_THAT(downstream_.open, SizeIs(1));
  EXPECT_NE(downstream_.open[0].batch.id, first_batch) << "ids of batches are unique in the process";
  downstream_.answer(Verdict::delivered);
  loop_.advance(seconds(1));
  EXPECT_THAT(engine_.queue.delivered[1], ElementsAre(1, 2));
  EXPECT_EQ(consumer_->statistics().delivered, 2u);
}

TEST_F(ConsumerTest, callbacks_after_its_destruction_have_no_effect) {
  for (std::uint64_t lane = 1; lane <= 10; ++lane) engine_.accept(lane);
  start();
  ASSERT_THAT(downstream_.open, SizeIs(2));
  consumer_.reset();
  EXPECT_TRUE(downstream_.destroyed);
  downstream_.answer(Verdict::delivered);
  loop_.run();
  engine_.accept(11);
  loop_.advance(seconds(10));
  EXPECT_EQ(engine_.queue.unsettled(), 11u);
}

TEST_F(ConsumerTest, a_failing_engine_is_asked_again) {
  start();
  engine_.fail_receive({base::Errc::unavailable, "disk"});
  loop_.run();
  EXPECT_FALSE(engine_.receiving());
  loop_.advance(options_.receive_again_after);
  EXPECT_TRUE(engine_.receiving());
  EXPECT_EQ(consumer_->statistics().receive_failures, 1u);
}

}  // namespace
}  // namespace trunkline::delivery
