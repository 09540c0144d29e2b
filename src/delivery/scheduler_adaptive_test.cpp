// The scheduler against downstreams of which the latency depends on how much is asked of them.
#include <gtest/gtest.h>

#include <functional>
#include <queue>

#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::minutes;
using std::chrono::seconds;

// A server with some workers and a queue before them. Work takes the longer the more requests it holds: threads, memory
// and locks are shared. It does not know that a client has given up after `patience`, and does that work, too.
struct Server {
  std::size_t workers = 8;
  std::function<Millis(std::size_t held)> service;
  Millis patience = seconds(5);
  std::size_t refuses_above = SIZE_MAX;  // requests held: 429
};

// The cap is far above what the server bears, and there is always more to deliver.
class Simulation {
 public:
  Simulation(const Options& options, Server server) : server_(std::move(server)), h_(options) {}

  void run(Millis time) {
    const base::MonoTime end = h_.now.mono + time;
    h_.step();
    while (h_.now.mono < end) {
      refill();
      take();
      const base::MonoTime next = std::min(end, next_event());
      h_.pass(std::chrono::ceil<Millis>(std::max<base::MonoTime::duration>(next - h_.now.mono, Millis(1))));
      work();
      give_up();
    }
  }
  std::uint64_t delivered() const { return h_.scheduler.statistics().delivered; }
  std::size_t limit() const { return h_.scheduler.breaker().concurrency(); }
  Statistics statistics() const { return h_.scheduler.statistics(); }
  std::size_t held() const { return waiting_.size() + busy_.size(); }

 private:
  struct Busy {
    base::MonoTime ends;
    std::uint64_t batch;
    bool operator<(const Busy& other) const { return ends > other.ends; }
  };

  // Some hundreds of lanes, each with an event that waits.
  void refill() {
    constexpr std::uint64_t kLanes = 400;
    if (accepted_ - delivered() >= kLanes) return;
    accept_lanes(h_, 1, kLanes);
    accepted_ += kLanes;
    h_.step();
  }
  // New requests reach the server, and its free workers begin.
  void take() {
    for (const auto& [id, batch] : h_.in_flight) {
      if (!sent_at_.emplace(id, h_.now.mono).second) continue;
      if (held() >= server_.refuses_above) {
        refused_.push_back(id);
      } else {
        waiting_.push_back(id);
      }
    }
    for (const std::uint64_t id : std::exchange(refused_, {})) h_.answer(id, Verdict::retry);
    while (busy_.size() < server_.workers && !waiting_.empty()) {
      busy_.push({h_.now.mono + server_.service(held()), waiting_.front()});
      waiting_.pop_front();
    }
  }
  base::MonoTime next_event() const {
    base::MonoTime next = h_.now.mono + seconds(1);
    if (!busy_.empty()) next = std::min(next, busy_.top().ends);
    for (const auto& [id, at] : sent_at_) next = std::min(next, at + server_.patience);
    return next;
  }
  void work() {
    while (!busy_.empty() && busy_.top().ends <= h_.now.mono) {
      const std::uint64_t id = busy_.top().batch;
      busy_.pop();
      if (sent_at_.erase(id) > 0 && h_.in_flight.contains(id)) h_.answer(id, Verdict::delivered);
    }
  }
  void give_up() {
    std::vector<std::uint64_t> late;
    for (const auto& [id, at] : sent_at_)
      if (at + server_.patience <= h_.now.mono) late.push_back(id);
    for (const std::uint64_t id : late) {
      sent_at_.erase(id);
      if (h_.in_flight.contains(id)) h_.answer(id, Verdict::unavailable);
    }
    std::erase_if(sent_at_, [this](const auto& each) { return !h_.in_flight.contains(each.first); });
  }

  Server server_;
  SchedulerHarness h_;
  std::uint64_t accepted_ = 0;
  std::map<std::uint64_t, base::MonoTime> sent_at_;
  std::deque<std::uint64_t> waiting_;
  std::vector<std::uint64_t> refused_;
  std::priority_queue<Busy> busy_;
};

Options of_cap(std::size_t cap, bool adaptive) {
  Options options = single(cap);
  options.adaptive = adaptive;
  return options;
}

// 50 ms alone, and twice that for each 16 requests held: at 128 it takes 450 ms a request, and the queue's end is 7 s away.
Server thrashing() {
  return {.service = [](std::size_t held) { return Millis(50 + 50 * static_cast<std::int64_t>(held) / 16); }};
}

TEST(AdaptiveConcurrency, holds_up_where_a_fixed_cap_collapses) {
  Simulation fixed(of_cap(128, false), thrashing());
  fixed.run(minutes(5));
  Simulation adaptive(of_cap(128, true), thrashing());
  adaptive.run(minutes(5));
  EXPECT_GT(fixed.statistics().breaker_opened, 5u) << "the fixed cap knocks it over again and again";
  EXPECT_EQ(adaptive.statistics().breaker_opened, 0u);
  EXPECT_GT(adaptive.delivered(), 3 * fixed.delivered());
  RecordProperty("fixed", static_cast<int>(fixed.delivered()));
  RecordProperty("adaptive", static_cast<int>(adaptive.delivered()));
}

TEST(AdaptiveConcurrency, settles_below_the_cap_at_a_few_times_what_the_workers_bear) {
  Simulation adaptive(of_cap(128, true), {.service = [](std::size_t) { return Millis(100); }});
  adaptive.run(minutes(2));
  const std::uint64_t before = adaptive.delivered();
  for (int i = 0; i < 60; ++i) {
    adaptive.run(seconds(1));
    EXPECT_GE(adaptive.limit(), 8u);
    EXPECT_LE(adaptive.limit(), 32u);
  }
  EXPECT_GE(adaptive.delivered() - before, 60u * 80 * 95 / 100) << "eight workers of 100 ms are busy";
}

TEST(AdaptiveConcurrency, a_downstream_of_ten_seconds_gets_the_whole_cap) {
  Simulation slow(of_cap(64, true),
                  {.workers = 1'000, .service = [](std::size_t) { return seconds(10); }, .patience = seconds(30)});
  slow.run(minutes(2));
  EXPECT_EQ(slow.limit(), 64u);
}

TEST(AdaptiveConcurrency, a_downstream_that_says_not_now_above_a_number_gets_about_that) {
  Server server{.workers = 1'000, .service = [](std::size_t) { return Millis(50); }, .refuses_above = 20};
  Simulation adaptive(of_cap(128, true), server);
  adaptive.run(minutes(1));
  const Statistics before = adaptive.statistics();
  adaptive.run(minutes(1));
  const Statistics after = adaptive.statistics();
  const double told = static_cast<double>(after.retry - before.retry);
  const double delivered = static_cast<double>(after.delivered - before.delivered);
  EXPECT_GT(delivered, 60 * 400 * 0.6) << "twenty at a time of 50 ms are 400 a second";
  EXPECT_LT(told / delivered, 0.05);
}

TEST(AdaptiveConcurrency, after_an_outage_batches_grow_before_there_are_several) {
  Options options = batches_of(64, 8);
  options.adaptive = true;
  SchedulerHarness h(options);
  accept_lanes(h, 1, 5'000);
  h.step();
  for (int i = 0; i < 40; ++i) h.answer(h.first_batch(), Verdict::delivered);
  ASSERT_EQ(h.in_flight.size(), 8u);
  h.answer_all(Verdict::unavailable);
  h.pass(options.open_base);
  std::vector<std::size_t> sizes;
  while (h.in_flight.size() < 2) {
    sizes.push_back(h.events_in_flight());
    h.answer(h.first_batch(), Verdict::delivered);
  }
  ASSERT_GE(sizes.size(), 7u);
  EXPECT_EQ(sizes[0], 1u);
  for (std::size_t i = 1; i < sizes.size(); ++i) EXPECT_LE(sizes[i], 2 * sizes[i - 1]);
  EXPECT_GE(sizes.back(), 32u);
}

}  // namespace
}  // namespace trunkline::delivery
