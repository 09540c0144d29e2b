#include "delivery/scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using engine::Fate;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// ---- concurrency, rate, batching

TEST(Scheduler, sends_no_more_batches_at_a_time_than_the_cap) {
  SchedulerHarness h(single(4));
  accept_lanes(h, 1, 20);
  h.step();
  EXPECT_THAT(h.in_flight, SizeIs(4));
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.most_in_flight, 4u);
  EXPECT_EQ(h.queue.unsettled(), 0u);
}

TEST(Scheduler, leases_at_most_a_quarter_more_than_it_can_send) {
  SchedulerHarness h(batches_of(10, 8));
  accept_lanes(h, 1, 1'000);
  h.step();
  EXPECT_EQ(h.scheduler.statistics().events_leased, 100u);
  EXPECT_FALSE(h.asked) << "with full slots and full stock there is nothing to ask for";
}

TEST(Scheduler, has_the_next_batch_at_hand_when_a_slot_becomes_free) {
  SchedulerHarness h(batches_of(10, 4));
  accept_lanes(h, 1, 100);
  h.step();
  const std::size_t receives = h.receives;
  h.answer(h.first_batch(), Verdict::delivered);
  EXPECT_THAT(h.in_flight, SizeIs(4));
  EXPECT_EQ(h.receives, receives + 1) << "and only then asks for more";
}

TEST(Scheduler, never_exceeds_burst_and_rate_in_any_span) {
  Options options = single(1'000);
  options.rate = 100;
  options.burst = 20;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 500);
  h.step();
  EXPECT_EQ(h.sent, 20u);
  for (int millis = 50; millis <= 2'000; millis += 50) {
    h.pass(Millis(50));
    EXPECT_EQ(h.sent, 20u + static_cast<std::size_t>(millis) / 10);
  }
}

TEST(Scheduler, cuts_batches_to_the_burst) {
  Options options = batches_of(100);
  options.rate = 10;
  options.burst = 4;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 10);
  h.step();
  EXPECT_THAT(h.sequences(h.first_batch()), SizeIs(4));
  h.answer(h.first_batch(), Verdict::delivered);
  EXPECT_THAT(h.in_flight, IsEmpty());
  h.pass(Millis(399));
  EXPECT_THAT(h.in_flight, IsEmpty());
  h.pass(Millis(1));
  EXPECT_THAT(h.sequences(h.first_batch()), SizeIs(4));
}

TEST(Scheduler, a_batch_waits_for_more_up_to_its_age) {
  Options options = batches_of(10);
  options.batch_age = Millis(200);
  SchedulerHarness h(options);
  accept_lanes(h, 1, 3);
  h.step();
  h.pass(Millis(150));
  accept_lanes(h, 4, 5);
  h.step();
  h.pass(Millis(49));
  EXPECT_EQ(h.sent, 0u);
  h.pass(Millis(1));
  EXPECT_THAT(h.sequences(h.first_batch()), ElementsAre(1, 2, 3, 4, 5));
}

TEST(Scheduler, a_full_batch_does_not_wait) {
  Options options = batches_of(3);
  options.batch_age = seconds(5);
  SchedulerHarness h(options);
  accept_lanes(h, 1, 3);
  h.step();
  EXPECT_THAT(h.in_flight, SizeIs(1));
}

TEST(Scheduler, a_batch_is_full_by_bytes_too_and_a_larger_event_goes_alone) {
  Options options = batches_of(10, 8);
  options.batch_bytes = 100;
  SchedulerHarness h(options);
  for (const std::size_t bytes : {60, 30, 30, 500, 40}) h.queue.accept(h.queue.events.size() + 1, h.now.wall, bytes);
  h.step();
  std::vector<std::vector<std::uint64_t>> batches;
  for (const auto& [id, batch] : h.in_flight) batches.push_back(h.sequences(id));
  EXPECT_THAT(batches, ElementsAre(ElementsAre(1, 2), ElementsAre(3), ElementsAre(4), ElementsAre(5)));
}

TEST(Scheduler, a_lane_longer_than_a_batch_goes_in_order_batch_by_batch) {
  SchedulerHarness h(batches_of(4, 8));
  for (int i = 0; i < 10; ++i) h.queue.accept(7, h.now.wall);
  h.step();
  EXPECT_THAT(h.in_flight, SizeIs(1));
  EXPECT_THAT(h.sequences(h.first_batch()), ElementsAre(1, 2, 3, 4));
  h.answer_all(Verdict::delivered);
  EXPECT_THAT(h.queue.delivered[7], ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

// ---- verdicts

TEST(Scheduler, a_lane_is_cut_at_its_first_event_that_failed) {
  SchedulerHarness h(batches_of(6));
  for (const std::uint64_t lane : {1, 1, 1, 1, 2, 2}) h.queue.accept(lane, h.now.wall);
  h.step();
  ASSERT_THAT(h.sequences(h.first_batch()), ElementsAre(1, 2, 3, 4, 5, 6));
  const std::vector<std::uint32_t> lanes = h.in_flight.at(h.first_batch()).lanes;
  ASSERT_THAT(lanes, SizeIs(6)) << "sinks are told what is of one lane";
  EXPECT_EQ(lanes[0], lanes[3]);
  EXPECT_NE(lanes[3], lanes[4]);
  EXPECT_EQ(lanes[4], lanes[5]);
  using enum Verdict;
  h.answer_each(h.first_batch(), {delivered, rejected, delivered, rejected, delivered, delivered});
  EXPECT_THAT(h.queue.delivered[1], ElementsAre(1));
  EXPECT_THAT(h.queue.delivered[2], ElementsAre(5, 6));
  EXPECT_EQ(h.queue.events.at(2).attempts, 1u);
  EXPECT_EQ(h.queue.events.at(3).attempts, 0u) << "what stood behind it was not tried";
  EXPECT_EQ(h.queue.events.at(4).attempts, 0u);
  h.pass(seconds(1));
  EXPECT_THAT(h.sequences(h.first_batch()), ElementsAre(2, 3, 4)) << "and it comes again in order";
}

TEST(Scheduler, in_a_standard_queue_events_fail_one_by_one) {
  Options options = batches_of(4);
  options.ordered = false;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 4);
  h.step();
  using enum Verdict;
  h.answer_each(h.first_batch(), {delivered, rejected, delivered, retry});
  EXPECT_THAT(h.queue.delivered, SizeIs(2));
  EXPECT_EQ(h.queue.events.at(2).attempts, 1u);
  EXPECT_EQ(h.queue.events.at(4).attempts, 0u);
}

struct ExhaustedCase {
  bool ordered;
  std::optional<OnExhausted> option;
  Fate fate;
};
class SchedulerExhausted : public testing::TestWithParam<ExhaustedCase> {};
TEST_P(SchedulerExhausted, gives_the_configured_fate_after_the_last_attempt) {
  Options options = single();
  options.ordered = GetParam().ordered;
  options.on_exhausted = GetParam().option;
  SchedulerHarness h(options);
  h.queue.accept(1, h.now.wall);
  std::size_t tries = 0;
  for (int i = 0; i < 100; ++i) {
    h.step();
    if (!h.in_flight.empty()) {
      EXPECT_EQ(h.in_flight.begin()->second.attempt, ++tries);
      h.answer(h.first_batch(), Verdict::rejected);
    }
    h.pass(seconds(1));
  }
  EXPECT_EQ(tries, 5u);
  const auto& event = h.queue.events.at(1);
  EXPECT_EQ(event.fates.back(), GetParam().fate);
  EXPECT_EQ(event.error_class, "test_error");
}
INSTANTIATE_TEST_SUITE_P(Policies, SchedulerExhausted,
                         testing::Values(ExhaustedCase{true, {}, Fate::park}, ExhaustedCase{false, {}, Fate::skip},
                                         ExhaustedCase{true, OnExhausted::skip, Fate::skip},
                                         ExhaustedCase{true, OnExhausted::drop, Fate::drop},
                                         ExhaustedCase{false, OnExhausted::park, Fate::park}));

TEST(Scheduler, an_event_is_parked_only_after_an_outage_would_have_shown) {
  Options options = single();
  options.max_attempts = 1;
  SchedulerHarness h(options);
  h.queue.accept(1, h.now.wall);
  h.step();
  h.answer(h.first_batch(), Verdict::rejected);
  h.pass(options.breaker_window - Millis(1));
  EXPECT_THAT(h.queue.parked, IsEmpty());
  h.pass(Millis(1));
  EXPECT_THAT(h.queue.parked, ElementsAre(1));
  EXPECT_EQ(h.sent, 1u);
}

// Of several workers on one queue: a last attempt was spent here, and what came of it was decided by another one.
class DecidedElsewhere : public testing::Test {
 protected:
  DecidedElsewhere() {
    options_.max_attempts = 1;
    scheduler_.emplace("test", options_);
    scheduler_->share_breaker();
  }
  void lease(bool redriven) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = {9};
    scheduler_->advance(now_, actions_);
    scheduler_->on_leases({{{}, next_lease_++, {7}, {}, {engine::LeasedMessage{record, 0, 1, {}, redriven}}}}, now_);
    scheduler_->advance(now_, actions_);
  }
  void reject() {
    const std::uint64_t batch = actions_.send.at(0).id;
    scheduler_->on_verdict(batch, {false, {{Verdict::rejected, {}, "bad", ""}}}, now_);
    scheduler_->advance(now_, actions_);
  }

  Options options_ = single();
  std::optional<Scheduler> scheduler_;
  Actions actions_;
  Now now_{base::WallTime{}, base::MonoTime(hours(1))};
  std::uint64_t next_lease_ = 1;
};

TEST_F(DecidedElsewhere, what_is_redriven_is_sent_and_not_parked_for_what_was_before) {
  lease(false);
  reject();
  now_.mono += options_.breaker_window;
  lease(true);
  ASSERT_THAT(actions_.send, SizeIs(1));
  reject();
  now_.mono += options_.breaker_window;
  lease(true);
  EXPECT_THAT(actions_.send, IsEmpty());
  ASSERT_THAT(actions_.settle, SizeIs(1));
  EXPECT_EQ(actions_.settle[0].fates[0].fate, Fate::park);
}

TEST_F(DecidedElsewhere, what_comes_long_after_has_been_redriven_again) {
  lease(true);
  reject();
  now_.mono += minutes(10);
  lease(true);
  EXPECT_THAT(actions_.send, SizeIs(1));
}

TEST(Scheduler, an_earlier_event_that_is_redriven_goes_before_one_that_waits_for_its_decision) {
  Options options = batches_of(10);
  options.max_attempts = 1;
  Scheduler scheduler("test", options);
  Now now{base::WallTime{}, base::MonoTime(hours(1))};
  const auto message = [](std::uint64_t sequence) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = {sequence};
    return engine::LeasedMessage{record, 0, 1, {}, false};
  };
  Actions actions;
  scheduler.advance(now, actions);
  scheduler.on_leases({{{}, 1, {7}, {}, {message(9)}}}, now);
  scheduler.advance(now, actions);
  scheduler.on_verdict(actions.send.at(0).id, {false, {{Verdict::rejected, {}, "bad", ""}}}, now);
  now.mono += options.breaker_window;
  scheduler.advance(now, actions);
  scheduler.on_leases({{{}, 2, {7}, {}, {message(5), message(9), message(11)}}}, now);
  scheduler.advance(now, actions);
  ASSERT_THAT(actions.send, SizeIs(1));
  ASSERT_THAT(actions.send[0].messages, SizeIs(1));
  EXPECT_EQ(actions.send[0].messages[0].record->sequence.value, 5u);
  scheduler.on_verdict(actions.send[0].id, {false, {EventVerdict{}}}, now);
  scheduler.advance(now, actions);
  ASSERT_THAT(actions.settle, SizeIs(1));
  EXPECT_EQ(actions.settle[0].fates[0].fate, Fate::delivered);
  EXPECT_EQ(actions.settle[0].fates[1].fate, Fate::release);
  EXPECT_EQ(actions.settle[0].fates[2].fate, Fate::release);
}

TEST(Scheduler, backs_off_within_the_exponential_bound_and_uses_all_of_it) {
  Random random(7);
  for (std::uint32_t failures = 1; failures <= 40; ++failures) {
    const auto bound = std::min<std::int64_t>(1'000ll << std::min(failures - 1, 20u), 60'000);
    std::int64_t most = 0;
    for (int i = 0; i < 200; ++i) {
      const auto delay = backoff(seconds(1), seconds(60), failures, random).count();
      EXPECT_LE(delay, bound);
      most = std::max<std::int64_t>(most, delay);
    }
    EXPECT_GT(most, bound / 2);
  }
}

TEST(Scheduler, obeys_retry_after_up_to_its_bound) {
  Options options = single();
  options.retry_after_max = seconds(90);
  for (const auto& [asked, waits] : {std::pair<Millis, Millis>{seconds(30), seconds(30)}, {hours(48), seconds(90)}}) {
    for (const Verdict verdict : {Verdict::retry, Verdict::rejected}) {
      SchedulerHarness h(options);
      h.queue.accept(1, h.now.wall);
      h.step();
      h.answer(h.first_batch(), verdict, asked);
      h.pass(waits - Millis(1));
      EXPECT_EQ(h.sent, 1u);
      h.pass(Millis(1));
      EXPECT_EQ(h.sent, 2u);
    }
  }
}

TEST(Scheduler, retry_spends_nothing_until_retry_for_is_over_and_then_counts_as_rejected) {
  Options options = single();
  options.retry_for = minutes(10);
  options.max_attempts = 2;
  SchedulerHarness h(options);
  h.queue.accept(1, h.now.wall);
  const base::MonoTime begin = h.now.mono;
  while (h.now.mono - begin < minutes(10)) {
    h.step();
    if (!h.in_flight.empty()) h.answer(h.first_batch(), Verdict::retry);
    EXPECT_EQ(h.queue.events.at(1).attempts, 0u);
    h.pass(seconds(1));
  }
  EXPECT_GT(h.sent, 100u);
  const std::size_t sent = h.sent;
  for (int i = 0; i < 60; ++i) {
    if (!h.in_flight.empty()) h.answer(h.first_batch(), Verdict::retry);
    h.pass(seconds(1));
  }
  EXPECT_LE(h.sent, sent + 2);
  EXPECT_THAT(h.queue.parked, ElementsAre(1));
}

TEST(Scheduler, what_a_sink_leaves_without_a_verdict_is_sent_again_and_spends_nothing) {
  SchedulerHarness h(batches_of(2));
  accept_lanes(h, 1, 2);
  h.step();
  h.answer_each(h.first_batch(), {Verdict::delivered});
  EXPECT_EQ(h.queue.events.at(2).attempts, 0u);
  EXPECT_EQ(h.scheduler.statistics().last_error_class, "no_verdict");
  h.pass(seconds(1));
  EXPECT_THAT(h.sequences(h.first_batch()), ElementsAre(2));
}

// ---- breaker

TEST(Scheduler, unavailable_opens_the_breaker_and_spends_nothing) {
  SchedulerHarness h(single(4));
  accept_lanes(h, 1, 40);
  h.step();
  h.answer(h.first_batch(), Verdict::unavailable);
  EXPECT_EQ(h.scheduler.breaker().state(), BreakerState::open);
  EXPECT_THAT(h.in_flight, SizeIs(3)) << "what was sent goes on";
  EXPECT_EQ(h.queue.leases_open(), 3u) << "what was only leased goes back";
  EXPECT_FALSE(h.asked);
  h.answer_all(Verdict::rejected);
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, 0u);
}

TEST(Scheduler, while_open_nothing_is_received_and_then_one_probe_goes) {
  Options options = batches_of(10, 4);
  SchedulerHarness h(options);
  accept_lanes(h, 1, 100);
  h.step();
  h.answer_all(Verdict::unavailable);
  const std::size_t receives = h.receives;
  h.pass(options.open_base - Millis(1));
  EXPECT_EQ(h.receives, receives);
  h.pass(Millis(1));
  EXPECT_EQ(h.scheduler.breaker().state(), BreakerState::half_open);
  EXPECT_EQ(h.events_in_flight(), 1u);
}

TEST(Scheduler, concurrency_ramps_up_after_the_probe) {
  SchedulerHarness h(single(8));
  accept_lanes(h, 1, 200);
  h.step();
  h.answer_all(Verdict::unavailable);
  h.pass(seconds(1));
  std::vector<std::size_t> in_flight;
  for (int round = 0; round < 6; ++round) {
    in_flight.push_back(h.in_flight.size());
    std::vector<std::uint64_t> batches;
    for (const auto& [id, batch] : h.in_flight) batches.push_back(id);
    for (const std::uint64_t batch : batches) h.answer(batch, Verdict::delivered);
  }
  EXPECT_THAT(in_flight, ElementsAre(1, 1, 2, 4, 8, 8));
}

TEST(Scheduler, the_open_time_doubles_up_to_its_cap_and_starts_anew_after_recovery) {
  Options options = single(2);
  options.open_base = seconds(1);
  options.open_cap = seconds(5);
  SchedulerHarness h(options);
  accept_lanes(h, 1, 200);
  h.step();
  h.answer_all(Verdict::unavailable);
  for (const int wait : {1, 2, 4, 5, 5}) {
    h.pass(seconds(wait) - Millis(1));
    EXPECT_THAT(h.in_flight, IsEmpty());
    h.pass(Millis(1));
    ASSERT_THAT(h.in_flight, SizeIs(1)) << wait;
    if (wait != 5 || h.scheduler.statistics().batches_sent < 7) h.answer_all(Verdict::unavailable);
  }
  for (int i = 0; i < 10; ++i) h.answer(h.first_batch(), Verdict::delivered);
  h.answer_all(Verdict::unavailable);
  h.pass(seconds(1));
  EXPECT_THAT(h.in_flight, SizeIs(1));
}

TEST(Scheduler, retry_after_of_an_unavailable_downstream_keeps_the_breaker_open) {
  SchedulerHarness h(single());
  accept_lanes(h, 1, 5);
  h.step();
  h.answer(h.first_batch(), Verdict::unavailable, seconds(30));
  h.pass(seconds(30) - Millis(1));
  EXPECT_EQ(h.sent, 1u);
  h.pass(Millis(1));
  EXPECT_EQ(h.sent, 2u);
}

TEST(Scheduler, each_probe_takes_another_lane_so_that_a_poison_event_cannot_hold_the_breaker_open) {
  SchedulerHarness h(single(4));
  accept_lanes(h, 1, 20);
  h.step();
  h.answer_all(Verdict::unavailable);
  std::set<std::uint64_t> probed;
  for (int probe = 0; probe < 5; ++probe) {
    h.pass(h.scheduler.breaker().open_time());
    ASSERT_EQ(h.events_in_flight(), 1u);
    EXPECT_TRUE(probed.insert(h.sequences(h.first_batch()).front()).second);
    h.answer_all(probe % 2 == 0 ? Verdict::rejected : Verdict::unavailable);
  }
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, 0u);
  h.pass(h.scheduler.breaker().open_time());
  h.answer(h.first_batch(), Verdict::delivered);
  EXPECT_TRUE(h.scheduler.breaker().closed());
}

TEST(Scheduler, bad_lanes_that_the_engine_prefers_cannot_hold_the_breaker_open) {
  for (const Verdict verdict : {Verdict::rejected, Verdict::unavailable}) {
    Options options = single(4);
    options.backoff_cap = minutes(5);
    SchedulerHarness h(options);
    h.queue.fair = false;
    accept_lanes(h, 1, 20);
    h.step();
    h.answer_all(Verdict::unavailable);
    for (int probe = 0; probe < 30 && !h.scheduler.breaker().closed(); ++probe) {
      h.pass(h.scheduler.breaker().open_time());
      ASSERT_EQ(h.events_in_flight(), 1u);
      h.answer(h.first_batch(), h.sequences(h.first_batch()).front() <= 3 ? verdict : Verdict::delivered);
    }
    EXPECT_TRUE(h.scheduler.breaker().closed());
  }
}

TEST(Scheduler, the_only_lane_is_probed_again_too) {
  SchedulerHarness h(single());
  h.queue.accept(1, h.now.wall);
  h.step();
  h.answer_all(Verdict::unavailable);
  for (int i = 0; i < 3; ++i) {
    h.pass(minutes(2));
    ASSERT_THAT(h.in_flight, SizeIs(1));
    h.answer_all(Verdict::unavailable);
  }
  h.pass(minutes(2));
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.queue.unsettled(), 0u);
}

struct LaneRuleCase {
  int failing;
  int delivered;
  bool opens;
};
class SchedulerLaneRule : public testing::TestWithParam<LaneRuleCase> {};
TEST_P(SchedulerLaneRule, ten_lanes_of_which_four_fifths_fail_are_an_outage) {
  const auto& [failing, delivered, opens] = GetParam();
  SchedulerHarness h(batches_of(100));
  accept_lanes(h, 1, static_cast<std::uint64_t>(failing + delivered));
  h.step();
  std::vector<Verdict> verdicts(static_cast<std::size_t>(delivered), Verdict::delivered);
  verdicts.resize(static_cast<std::size_t>(failing + delivered), Verdict::rejected);
  h.answer_each(h.first_batch(), verdicts);
  EXPECT_EQ(h.scheduler.breaker().closed(), !opens);
  std::uint32_t spent = 0;
  for (const auto& [sequence, event] : h.queue.events) spent += event.attempts;
  EXPECT_EQ(spent, opens ? 0u : static_cast<std::uint32_t>(failing));
}
INSTANTIATE_TEST_SUITE_P(Counts, SchedulerLaneRule,
                         testing::Values(LaneRuleCase{9, 0, false}, LaneRuleCase{10, 0, true}, LaneRuleCase{8, 2, true},
                                         LaneRuleCase{7, 3, false}, LaneRuleCase{7, 2, false},
                                         LaneRuleCase{79, 21, false}, LaneRuleCase{80, 20, true}));

TEST(Scheduler, events_that_wait_for_something_while_the_downstream_is_well_are_no_outage) {
  SchedulerHarness h(batches_of(1));
  accept_lanes(h, 1, 30);
  const EventVerdict waits{Verdict::retry, {}, "not_ready", "not there yet", true};
  for (int i = 0; i < 30; ++i) {
    h.step();
    if (!h.in_flight.empty()) h.end(h.first_batch(), {false, {waits}});
  }
  EXPECT_TRUE(h.scheduler.breaker().closed());
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, 0u);
}

TEST(Scheduler, a_probe_that_finds_the_downstream_well_closes_the_breaker_whatever_its_event_waits_for) {
  SchedulerHarness h(single());
  accept_lanes(h, 1, 2);
  h.step();
  h.answer(h.first_batch(), Verdict::unavailable);
  h.pass(hours(1));
  ASSERT_EQ(h.scheduler.breaker().state(), BreakerState::half_open);
  h.end(h.first_batch(), {false, {{Verdict::retry, {}, "not_ready", "not there yet", true}}});
  EXPECT_TRUE(h.scheduler.breaker().closed());
}

TEST(Scheduler, one_lane_that_fails_often_is_no_outage) {
  Options options = single();
  options.max_attempts = 50;
  SchedulerHarness h(options);
  h.queue.accept(1, h.now.wall);
  for (int i = 0; i < 30; ++i) {
    h.step();
    if (!h.in_flight.empty()) h.answer(h.first_batch(), Verdict::rejected);
    h.pass(Millis(300));
  }
  EXPECT_TRUE(h.scheduler.breaker().closed());
  EXPECT_GT(h.queue.events.at(1).attempts, 8u);
}

TEST(Scheduler, failures_older_than_the_window_do_not_count) {
  Options options = single(10);
  options.backoff_base = options.backoff_cap = minutes(5);
  SchedulerHarness h(options);
  for (std::uint64_t lane = 1; lane <= 12; ++lane) {
    h.queue.accept(lane, h.now.wall);
    h.step();
    h.answer_all(Verdict::rejected);
    h.pass(seconds(2));
  }
  EXPECT_TRUE(h.scheduler.breaker().closed());
}

TEST(Scheduler, attempts_spent_in_the_window_before_an_outage_shows_are_given_back) {
  Options options = single();
  options.max_attempts = 2;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 10);
  h.step();
  // Nine lanes fail, some of them twice: two of those have no attempt left. The tenth shows the outage.
  while (h.scheduler.breaker().closed()) {
    if (h.in_flight.empty()) {
      h.pass(Millis(50));
      continue;
    }
    h.answer(h.first_batch(), Verdict::rejected);
  }
  const Statistics at_opening = h.scheduler.statistics();
  EXPECT_EQ(at_opening.attempts_given_back, at_opening.attempts_spent);
  h.pass(seconds(20));
  // Back to health: every event still has both attempts.
  std::map<std::uint64_t, int> rejections;
  for (int i = 0; i < 200; ++i) {
    while (!h.in_flight.empty()) {
      const std::uint64_t sequence = h.sequences(h.first_batch()).front();
      const bool first_half = sequence <= 5;
      if (first_half && h.scheduler.breaker().closed()) ++rejections[sequence];
      h.answer(h.first_batch(), first_half ? Verdict::rejected : Verdict::delivered);
    }
    h.pass(seconds(1));
  }
  EXPECT_THAT(h.queue.parked, ElementsAre(1, 2, 3, 4, 5));
  for (const auto& [sequence, count] : rejections) EXPECT_EQ(count, 2) << sequence;
}

TEST(Scheduler, a_full_outage_of_hours_parks_nothing) {
  for (const Verdict verdict : {Verdict::rejected, Verdict::retry, Verdict::unavailable}) {
    Options options = single(4);
    options.max_attempts = 1;
    options.retry_for = minutes(1);
    SchedulerHarness h(options);
    accept_lanes(h, 1, 30);
    h.step();
    for (int i = 0; i < 4 * 60 * 6; ++i) {
      h.answer_all(verdict);
      h.pass(seconds(10));
    }
    EXPECT_THAT(h.queue.parked, IsEmpty());
    EXPECT_LT(h.sent, 4 * 60 * 62u) << "at most one probe a second";
    for (int i = 0; i < 600; ++i) {
      h.answer_all(Verdict::delivered);
      h.pass(seconds(10));
    }
    EXPECT_EQ(h.queue.unsettled(), 0u);
  }
}

// ---- pause, drain, failures of the engine

TEST(Scheduler, a_pause_finishes_what_is_in_flight_and_holds_nothing_else) {
  SchedulerHarness h(single(2));
  accept_lanes(h, 1, 20);
  h.step();
  h.scheduler.pause();
  h.step();
  EXPECT_EQ(h.queue.leases_open(), 2u);
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.queue.leases_open(), 0u);
  EXPECT_FALSE(h.asked);
  h.pass(hours(5));
  EXPECT_EQ(h.sent, 2u);
  h.scheduler.resume();
  h.step();
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.queue.unsettled(), 0u);
}

TEST(Scheduler, a_pause_takes_back_an_open_receive) {
  SchedulerHarness h(single(2));
  h.step();
  EXPECT_TRUE(h.asked);
  h.scheduler.pause();
  h.step();
  EXPECT_FALSE(h.asked);
  h.scheduler.resume();
  h.step();
  EXPECT_TRUE(h.asked);
}

TEST(Scheduler, leases_that_come_after_a_pause_go_back) {
  SchedulerHarness h(single());
  h.step();
  h.scheduler.pause();
  h.queue.accept(1, h.now.wall);
  h.scheduler.on_leases(h.queue.lease(*h.asked, h.now.mono), h.now);
  h.asked.reset();
  h.step();
  EXPECT_EQ(h.queue.leases_open(), 0u);
  EXPECT_EQ(h.queue.unsettled(), 1u);
}

TEST(Scheduler, a_pause_in_the_middle_of_halving_releases_the_rest) {
  SchedulerHarness h(batches_of(8));
  accept_lanes(h, 1, 8);
  h.step();
  h.refuse(h.first_batch());
  h.scheduler.pause();
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.queue.leases_open(), 0u);
  EXPECT_EQ(h.queue.unsettled(), 4u);
}

TEST(Scheduler, draining_ends_idle_and_abandoning_releases_what_hangs) {
  SchedulerHarness h(batches_of(4, 2));
  accept_lanes(h, 1, 20);
  h.step();
  h.scheduler.drain();
  h.step();
  h.answer(h.first_batch(), Verdict::delivered);
  EXPECT_FALSE(h.scheduler.idle());
  const std::uint64_t hanging = h.first_batch();
  h.scheduler.abandon();
  h.step();
  EXPECT_TRUE(h.scheduler.idle());
  EXPECT_EQ(h.queue.leases_open(), 0u);
  h.answer(hanging, Verdict::delivered);
  EXPECT_EQ(h.queue.unsettled(), 16u) << "a verdict that comes later is ignored";
}

TEST(Scheduler, a_failed_receive_is_asked_again_after_a_while) {
  Options options = single();
  SchedulerHarness h(options);
  h.step();
  h.asked.reset();
  h.scheduler.on_receive_failed({base::Errc::unavailable, "disk"}, h.now);
  h.step();
  EXPECT_FALSE(h.asked);
  h.pass(options.receive_again_after);
  EXPECT_TRUE(h.asked);
}

TEST(Scheduler, an_empty_answer_is_followed_by_the_next_receive) {
  SchedulerHarness h(single());
  h.step();
  h.asked.reset();
  h.scheduler.on_leases({}, h.now);
  h.step();
  EXPECT_TRUE(h.asked);
}

TEST(Scheduler, counts_latency_from_acceptance_to_delivery) {
  SchedulerHarness h(single());
  h.queue.accept(1, h.now.wall - Millis(7));
  h.step();
  h.pass(Millis(5));
  h.answer_all(Verdict::delivered);
  const Statistics statistics = h.scheduler.statistics();
  EXPECT_EQ(statistics.latency_millis.sum, 12u);
  EXPECT_EQ(statistics.latency_millis.counts[4], 1u) << "over 10, up to 20 ms";
  EXPECT_EQ(statistics.batch_size.counts[0], 1u);
}

TEST(Options, bounds_are_checked) {
  EXPECT_TRUE(validate(Options{}).ok());
  const auto invalid = [](auto change) {
    Options options;
    change(options);
    return !validate(options).ok();
  };
  EXPECT_TRUE(invalid([](Options& o) { o.concurrency = 0; }));
  EXPECT_TRUE(invalid([](Options& o) { o.rate = -1; }));
  EXPECT_TRUE(invalid([](Options& o) { o.rate = 1e-9; }));
  EXPECT_TRUE(invalid([](Options& o) { o.burst = 0.5; }));
  EXPECT_TRUE(invalid([](Options& o) { o.batch_messages = 0; }));
  EXPECT_TRUE(invalid([](Options& o) { o.batch_bytes = 0; }));
  EXPECT_TRUE(invalid([](Options& o) { o.batch_age = Millis(-1); }));
  EXPECT_TRUE(invalid([](Options& o) { o.max_attempts = 0; }));
  EXPECT_TRUE(invalid([](Options& o) { o.backoff_base = hours(1); }));
  EXPECT_TRUE(invalid([](Options& o) { o.breaker_lanes_max = 5; }));
  EXPECT_TRUE(invalid([](Options& o) { o.breaker_share = 0; }));
  EXPECT_TRUE(invalid([](Options& o) { o.open_cap = Millis(1); }));
  EXPECT_TRUE(invalid([](Options& o) { o.notes_max = 0; }));
}

TEST(Notes, forget_the_oldest_first_and_stay_within_their_bound) {
  Notes notes(3);
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) notes.make({sequence}).retries = 1;
  notes.erase({2});
  notes.make({2}).retries = 5;
  notes.make({4});
  EXPECT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes.find({1}), nullptr);
  ASSERT_NE(notes.find({2}), nullptr);
  EXPECT_EQ(notes.find({2})->retries, 5u);
  for (std::uint64_t sequence = 10; sequence < 10'000; ++sequence) {
    notes.make({sequence});
    notes.erase({sequence});
  }
  EXPECT_LE(notes.size(), 3u);
}

}  // namespace
}  // namespace trunkline::delivery
