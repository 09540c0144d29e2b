#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/scheduler.hpp"
#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

// Answers every batch in flight: refused if it holds a bad event, else delivered.
void refuse_bad(SchedulerHarness& h, const std::set<std::uint64_t>& bad) {
  while (!h.in_flight.empty()) {
    const std::uint64_t batch = h.first_batch();
    bool refused = false;
    for (const std::uint64_t sequence : h.sequences(batch)) refused = refused || bad.contains(sequence);
    refused ? h.refuse(batch) : h.answer(batch, Verdict::delivered);
  }
}

TEST(Scheduler, a_refused_batch_is_halved_until_the_bad_event_stands_alone) {
  SchedulerHarness h(batches_of(16));
  accept_lanes(h, 1, 16);
  h.step();
  refuse_bad(h, {11});
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, sequence == 11 ? 1u : 0u);
  EXPECT_EQ(h.queue.unsettled(), 1u);
  EXPECT_EQ(h.sent, 9u) << "the batch, and two halves at each of four levels";
  EXPECT_EQ(h.most_in_flight, 1u) << "the halves share the batch's slot";
}

TEST(Scheduler, halves_of_a_refused_batch_keep_the_order_of_a_lane_and_its_cut) {
  SchedulerHarness h(batches_of(8));
  for (int i = 0; i < 8; ++i) h.queue.accept(1, h.now.wall);
  h.step();
  refuse_bad(h, {3});
  EXPECT_THAT(h.queue.delivered[1], ElementsAre(1, 2));
  EXPECT_EQ(h.queue.events.at(3).attempts, 1u);
  EXPECT_EQ(h.sent, 5u) << "nothing behind the bad event was sent";
  for (int i = 0; i < 50; ++i) {
    h.pass(seconds(1));
    refuse_bad(h, {});
  }
  EXPECT_THAT(h.queue.delivered[1], ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Scheduler, a_suspect_stands_alone_at_once_and_spends_nothing_when_it_is_innocent) {
  for (const std::size_t suspect : {std::size_t{0}, std::size_t{10}, std::size_t{15}}) {
    SchedulerHarness h(batches_of(16));
    accept_lanes(h, 1, 16);
    h.step();
    const std::vector<std::uint64_t> all = h.sequences(h.first_batch());
    h.refuse(h.first_batch(), suspect);
    std::vector<std::uint64_t> again;
    while (!h.in_flight.empty()) {
      const std::vector<std::uint64_t> part = h.sequences(h.first_batch());
      if (std::find(part.begin(), part.end(), all[suspect]) != part.end()) {
        EXPECT_THAT(part, SizeIs(1));
      }
      again.insert(again.end(), part.begin(), part.end());
      h.answer(h.first_batch(), Verdict::delivered);
    }
    EXPECT_EQ(again, all) << "in order, each once";
    EXPECT_EQ(h.sent, suspect == 10 ? 4u : 3u) << "the batch, and what stands before, at and behind the suspect";
    EXPECT_EQ(h.queue.unsettled(), 0u);
  }
}

TEST(Scheduler, a_suspect_that_is_bad_spends_its_own_attempt_and_no_other) {
  SchedulerHarness h(batches_of(16));
  accept_lanes(h, 1, 16);
  h.step();
  h.refuse(h.first_batch(), 10);
  refuse_bad(h, {11});
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, sequence == 11 ? 1u : 0u);
  EXPECT_EQ(h.sent, 4u);
  EXPECT_EQ(h.queue.unsettled(), 1u);
}

TEST(Scheduler, parts_of_a_refused_batch_wait_as_long_as_the_downstream_asks_and_hold_up_no_other_batch) {
  Options options = batches_of(4, 2);
  options.retry_after_max = seconds(90);
  SchedulerHarness h(options);
  accept_lanes(h, 1, 8);
  h.step();
  ASSERT_THAT(h.in_flight, SizeIs(2));
  const std::uint64_t other = std::next(h.in_flight.begin())->first;
  h.refuse(h.first_batch(), {}, seconds(30));
  EXPECT_THAT(h.in_flight, SizeIs(1)) << "the halves wait";
  h.refuse(other);
  EXPECT_THAT(h.in_flight, SizeIs(1)) << "the other batch was not asked to wait";
  refuse_bad(h, {});
  EXPECT_EQ(h.queue.unsettled(), 4u);
  h.pass(seconds(30) - Millis(1));
  EXPECT_THAT(h.in_flight, SizeIs(0));
  h.pass(Millis(1));
  EXPECT_THAT(h.in_flight, SizeIs(1));
  h.refuse(h.first_batch(), {}, hours(5));
  h.pass(seconds(90));
  EXPECT_THAT(h.in_flight, SizeIs(1)) << "cut to retry_after_max";
  refuse_bad(h, {});
  EXPECT_EQ(h.queue.unsettled(), 0u);
}

TEST(Scheduler, parts_that_wait_are_given_back_by_a_pause) {
  SchedulerHarness h(batches_of(4));
  accept_lanes(h, 1, 4);
  h.step();
  h.refuse(h.first_batch(), {}, seconds(30));
  EXPECT_FALSE(h.scheduler.idle());
  h.scheduler.pause();
  h.step();
  EXPECT_TRUE(h.scheduler.idle());
}

TEST(Scheduler, a_suspect_outside_of_the_batch_is_none) {
  SchedulerHarness h(batches_of(4));
  accept_lanes(h, 1, 4);
  h.step();
  h.refuse(h.first_batch(), 4);
  EXPECT_THAT(h.sequences(h.first_batch()), SizeIs(2));
}

// A smaller part behind it could be paid for already, but does not overtake it: nothing is to be done until then.
TEST(Scheduler, a_part_that_waits_for_the_rate_is_not_asked_about_again_and_again) {
  Options options = batches_of(8, 2);
  options.rate = 10;
  options.burst = 8;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 12);
  h.step();
  const std::uint64_t large = h.first_batch();
  h.pass(Millis(400));
  ASSERT_THAT(h.in_flight, SizeIs(2));
  const std::uint64_t small = h.in_flight.rbegin()->first;
  h.refuse(large);
  h.refuse(small);
  h.pass(Millis(200));
  EXPECT_THAT(h.in_flight, SizeIs(0));
  ASSERT_TRUE(h.wake_at);
  EXPECT_EQ(*h.wake_at - h.now.mono, Millis(200));
  h.pass(Millis(200));
  ASSERT_THAT(h.in_flight, SizeIs(1));
  EXPECT_THAT(h.sequences(h.first_batch()), SizeIs(4));
}

}  // namespace
}  // namespace trunkline::delivery
