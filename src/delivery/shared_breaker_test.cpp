// Several workers of one consumer, each with a scheduler of its own, and one table between them.
#include "delivery/shared_breaker.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Millis kStep{500};
constexpr int kLookEvery = 4;  // steps: a look every two seconds

struct Table {
  BreakerNote note;  // version 0: nothing
  int writes = 0;
  NoteStored put(const BreakerNote& next) {
    if (next.version != note.version + 1) return NoteStored::conflict;
    note = *decode_breaker_note(encode(next));
    ++writes;
    return NoteStored::yes;
  }
};

class SharedBreakerTest : public testing::Test {
 protected:
  // Each has a queue of its own: SQS gives no event to two workers at a time either.
  void begin(std::size_t count, const Options& options = single(2)) {
    for (std::size_t i = 0; i < count; ++i) {
      auto worker = std::make_unique<SchedulerHarness>(options);
      worker->store_note = [this](const BreakerNote& note) { return table_.put(note); };
      worker->scheduler.share_breaker();
      workers_.push_back(std::move(worker));
      alive_.push_back(true);
    }
  }
  SchedulerHarness& worker(std::size_t i) { return *workers_[i]; }
  BreakerState breaker(std::size_t i) { return worker(i).scheduler.breaker().state(); }
  void look(SchedulerHarness& worker) {
    worker.scheduler.on_breaker_seen(table_.note, worker.now);
    worker.step();
  }
  void answer(SchedulerHarness& worker) {
    // What a verdict sends anew is answered in the next step.
    std::vector<std::uint64_t> batches;
    for (const auto& [id, batch] : worker.in_flight) batches.push_back(id);
    if (!hangs_)
      for (const std::uint64_t id : batches) worker.answer(id, up_ ? Verdict::delivered : down_);
  }
  void pass(Millis time) {
    for (Millis passed{0}; passed < time; passed += kStep, ++steps_) {
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (!alive_[i]) continue;
        worker(i).pass(kStep);
        if ((steps_ + static_cast<int>(i)) % kLookEvery == 0) look(worker(i));
        answer(worker(i));
      }
    }
  }
  std::size_t sent() const {
    std::size_t sum = 0;
    for (const auto& each : workers_) sum += each->sent;
    return sum;
  }
  std::size_t unsettled() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < workers_.size(); ++i)
      if (alive_[i]) sum += workers_[i]->queue.unsettled();
    return sum;
  }

  Table table_;
  std::vector<std::unique_ptr<SchedulerHarness>> workers_;
  std::vector<bool> alive_;
  bool up_ = true;
  bool hangs_ = false;  // no batch is answered
  Verdict down_ = Verdict::unavailable;
  int steps_ = 0;
};

TEST_F(SharedBreakerTest, an_outage_costs_all_workers_what_it_costs_one) {
  const auto requests = [this](std::size_t count) {
    begin(count);
    for (const auto& each : workers_) accept_lanes(*each, 1, 20);
    up_ = false;
    pass(minutes(10));
    const std::size_t during = sent();
    for (const auto& each : workers_)
      for (const auto& [sequence, event] : each->queue.events) EXPECT_EQ(event.attempts, 0U);
    EXPECT_LT(table_.writes, 60) << "two writes a probe";
    up_ = true;
    pass(minutes(2));
    EXPECT_EQ(unsettled(), 0U);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(breaker(i), BreakerState::closed);
    workers_.clear();
    alive_.clear();
    table_ = {};
    return during;
  };
  const std::size_t alone = requests(1);
  const std::size_t together = requests(5);
  EXPECT_GT(alone, 10U);
  EXPECT_LE(together, alone + 4 * 2) << "each had two batches under way when it began";
}

TEST_F(SharedBreakerTest, only_who_holds_the_probe_sends) {
  begin(3);
  for (const auto& each : workers_) accept_lanes(*each, 1, 20);
  up_ = false;
  pass(seconds(10));
  for (int i = 0; i < 300; ++i) {
    std::size_t probing = 0;
    for (std::size_t w = 0; w < 3; ++w) probing += breaker(w) == BreakerState::half_open ? 1 : 0;
    ASSERT_LE(probing, 1U);
    pass(kStep);
  }
}

TEST_F(SharedBreakerTest, a_worker_that_never_failed_itself_opens_and_closes_with_the_others) {
  begin(2);
  accept_lanes(worker(0), 1, 5);
  up_ = false;
  pass(seconds(4));
  EXPECT_NE(breaker(0), BreakerState::closed);
  EXPECT_EQ(breaker(1), BreakerState::open);
  accept_lanes(worker(1), 100, 110);
  pass(seconds(30));
  EXPECT_EQ(worker(1).sent, 0U) << "the other one probes";
  up_ = true;
  pass(minutes(2));
  EXPECT_EQ(unsettled(), 0U);
  EXPECT_EQ(worker(1).scheduler.statistics().breaker_opened, 0U) << "it was opened once, by the other one";
  EXPECT_EQ(table_.note.word, BreakerWord::closed);
}

TEST_F(SharedBreakerTest, a_worker_that_dies_with_the_probe_is_followed_by_another) {
  begin(2);
  for (const auto& each : workers_) accept_lanes(*each, 1, 5);
  up_ = false;
  pass(seconds(20));
  hangs_ = true;
  pass(minutes(2));  // until somebody's probe hangs
  const std::size_t holder = breaker(0) == BreakerState::half_open ? 0 : 1;
  ASSERT_EQ(breaker(holder), BreakerState::half_open);
  ASSERT_EQ(worker(holder).in_flight.size(), 1U);
  ASSERT_EQ(breaker(1 - holder), BreakerState::open) << "it is said anew as long as it hangs";
  alive_[holder] = false;
  hangs_ = false;
  up_ = true;
  pass(SharedBreaker::kProbeLasts + 2 * SharedBreaker::kSeenWithin);
  EXPECT_EQ(breaker(1 - holder), BreakerState::closed);
  pass(minutes(1));
  EXPECT_EQ(unsettled(), 0U);
}

TEST_F(SharedBreakerTest, who_has_nothing_to_probe_with_loses_the_probe) {
  begin(2);
  accept_lanes(worker(0), 1, 1);
  up_ = false;
  pass(seconds(3));
  // What it had is delivered by somebody else, as after its visibility timeout.
  worker(0).queue = FakeQueue(true);
  accept_lanes(worker(1), 1, 5);
  up_ = true;
  pass(minutes(3));
  EXPECT_EQ(worker(1).queue.unsettled(), 0U);
  EXPECT_EQ(breaker(0), BreakerState::closed);
}

TEST_F(SharedBreakerTest, a_probe_that_is_delivered_after_another_worker_took_over_closes_all_the_same) {
  begin(2);
  accept_lanes(worker(0), 1, 5);
  up_ = false;
  pass(seconds(3));
  hangs_ = true;
  pass(seconds(30));
  ASSERT_EQ(breaker(0), BreakerState::half_open);
  // Its looks and its words do not come through for a while.
  BreakerNote taken = table_.note;
  taken.version += 1;
  taken.word = BreakerWord::probing;
  ASSERT_EQ(table_.put(taken), NoteStored::yes);
  look(worker(0));
  ASSERT_EQ(breaker(0), BreakerState::open);
  hangs_ = false;
  up_ = true;
  answer(worker(0));
  EXPECT_EQ(breaker(0), BreakerState::closed);
  EXPECT_EQ(table_.note.word, BreakerWord::closed);
}

TEST_F(SharedBreakerTest, attempts_of_the_window_are_given_back_by_every_worker) {
  Options options = single(20);
  options.max_attempts = 3;
  begin(2, options);
  accept_lanes(worker(0), 1, 12);
  accept_lanes(worker(1), 1, 4);  // too few for it to see an outage itself
  for (const auto& each : workers_) each->step();
  down_ = Verdict::rejected;
  up_ = false;
  pass(seconds(60));
  EXPECT_GT(worker(1).scheduler.statistics().attempts_given_back, 0U);
  for (const auto& each : workers_) {
    EXPECT_EQ(each->scheduler.statistics().parked, 0U);
  }
  up_ = true;
  pass(minutes(10));
  EXPECT_EQ(unsettled(), 0U);
}

TEST_F(SharedBreakerTest, an_outage_that_is_seen_here_is_not_ended_by_older_news) {
  begin(2);
  BreakerNote closed{1, BreakerWord::closed, {}, seconds(1), worker(0).now.wall, false};
  worker(0).store_note = [](const BreakerNote&) { return NoteStored::conflict; };  // the table has version 1 already
  accept_lanes(worker(0), 1, 1);
  worker(0).step();
  worker(0).answer(worker(0).first_batch(), Verdict::unavailable);
  worker(0).store_note = [this](const BreakerNote& note) { return table_.put(note); };
  table_.note = closed;
  look(worker(0));
  EXPECT_EQ(breaker(0), BreakerState::open);
  EXPECT_EQ(table_.note.version, 2U);
  EXPECT_EQ(table_.note.word, BreakerWord::open);
}

TEST_F(SharedBreakerTest, a_note_that_was_taken_away_is_written_anew) {
  begin(1);
  accept_lanes(worker(0), 1, 3);
  up_ = false;
  pass(seconds(10));
  table_ = {};
  up_ = true;
  pass(minutes(2));
  EXPECT_EQ(unsettled(), 0U);
  EXPECT_EQ(table_.note.word, BreakerWord::closed);
  EXPECT_GT(table_.note.version, 0U);
}

// Words are lost, or stored and their answer lost; workers die and the downstream comes and goes. It always drains.
TEST_F(SharedBreakerTest, nothing_stays_for_ever_whatever_is_lost) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const auto one_in = [&](unsigned n) { return random() % n == 0; };
    workers_.clear();
    alive_.clear();
    table_ = {};
    begin(4, single(3));
    for (const auto& each : workers_) {
      each->store_note = [&](const BreakerNote& note) {
        if (one_in(4)) return NoteStored::unknown;
        const NoteStored stored = table_.put(note);
        return one_in(4) && stored == NoteStored::yes ? NoteStored::unknown : stored;
      };
    }
    std::uint64_t lane = 1;
    for (int minute = 0; minute < 20; ++minute) {
      up_ = one_in(2);
      hangs_ = one_in(5);
      for (std::size_t i = 0; i < 4; ++i, lane += 3)
        if (alive_[i]) accept_lanes(worker(i), lane, lane + 2);
      if (minute == 7) alive_[random() % 4] = false;
      pass(Millis(random() % 60'000));
    }
    up_ = true;
    hangs_ = false;
    pass(minutes(15));
    ASSERT_EQ(unsettled(), 0U) << "seed " << seed << ", the note is " << encode(table_.note);
    for (std::size_t i = 0; i < 4; ++i)
      if (alive_[i]) {
        ASSERT_EQ(breaker(i), BreakerState::closed) << "seed " << seed;
      }
  }
}

TEST(BreakerNote, is_read_as_it_was_written_and_nothing_else_is) {
  const BreakerNote note{7, BreakerWord::open, seconds(8), seconds(16), base::WallTime(seconds(1'772'460'000)), true};
  const std::string bytes = encode(note);
  const auto read = decode_breaker_note(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read), bytes);
  EXPECT_EQ(read->version, 7U);
  EXPECT_EQ(read->lasts, seconds(8));
  EXPECT_TRUE(read->by_lanes);
  for (const char* bad :
       {"", "x", "7", "7 8000 16000 1 1", "7 8000 16000 1 1 ajar", "0 8000 16000 1 1 open", "7 -8 16000 1 1 open",
        "7 8000 16000 1 1 open ", "7 99999999999999 1 1 1 open", "7 8000 16000 1 1 open open"})
    EXPECT_FALSE(decode_breaker_note(bad)) << bad;
}

}  // namespace
}  // namespace trunkline::delivery
