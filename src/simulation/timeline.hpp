#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "simulation/random.hpp"

namespace trunkline::simulation {

// Wall and monotonic time, moved by the timeline alone; the wall jumps. Readable on RocksDB's threads, which ask it
// whether an identity has expired.
class SimulatedClock final : public base::Clock {
 public:
  base::WallTime wall() const override { return base::WallTime(base::Millis(wall_.load(std::memory_order_relaxed))); }
  base::MonoTime mono() const override { return base::MonoTime(base::Millis(mono_.load(std::memory_order_relaxed))); }
  void advance_to(base::MonoTime at);
  void jump_wall(base::Millis by) { wall_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> wall_{1'772'460'000'000};
  std::atomic<std::int64_t> mono_{3'600'000};
};

class Timeline;

// A loop whose tasks the timeline runs. Posted tasks run in order of posting, each after the delay that the loop's pace
// gives it.
class SimulatedLoop final : public base::Loop {
 public:
  enum class Turn : std::uint8_t {
    ordered,     // of posting
    overtaking,  // as the tasks of several threads do
    last,  // ordered, and within a millisecond after those of all other loops, where the timeline does not shuffle
  };
  // `pace`: how long a task that is posted now waits; null: not at all.
  using Pace = std::function<base::Millis()>;
  SimulatedLoop(Timeline& timeline, Pace pace, Turn turn) : timeline_(timeline), pace_(std::move(pace)), turn_(turn) {}

  void post(base::Task task) override;
  TimerId after(base::Millis delay, base::Task task) override;
  void cancel(TimerId timer) override;
  bool here() const override;
  const base::Clock& clock() const override;

  // Destroys all tasks and timers unrun, as the end of a process does.
  void drop();

 private:
  friend class Timeline;
  using Key = std::pair<base::MonoTime, std::uint64_t>;
  struct Posted {
    Key key;
    base::Task task;
  };
  // When its next task is due, and its place among all.
  Key next() const;
  base::Task take();
  std::uint64_t next_order();

  Timeline& timeline_;
  const Pace pace_;
  const Turn turn_;
  std::deque<Posted> posted_;
  std::map<Key, base::Task> timers_;
  std::unordered_map<TimerId, base::MonoTime> deadlines_;
};

// Runs several loops on one thread in simulated time: which task runs next follows from the seed alone. With `shuffle`,
// loops that have a task due take turns at random, as threads do; without, tasks run in the order of their times and,
// within a millisecond, of being posted.
class Timeline {
 public:
  Timeline(std::uint64_t seed, bool shuffle) : random_(seed, "timeline"), shuffle_(shuffle) {}

  SimulatedClock& clock() { return clock_; }
  // Loops live as long as the timeline.
  SimulatedLoop& add_loop(SimulatedLoop::Pace pace = {}, SimulatedLoop::Turn turn = SimulatedLoop::Turn::ordered);
  // Called after each task, outside of any: where a run may tear down what the task belongs to.
  void after_each(std::function<void()> hook) { after_each_ = std::move(hook); }

  // Runs all that is due until then, and what that makes due. Ends early, for good, when more than kMomentMax tasks
  // have run within one millisecond: something keeps itself busy without end.
  void run_until(base::MonoTime end);
  void run_for(base::Millis span) { run_until(clock_.mono() + span); }
  std::uint64_t tasks() const { return tasks_; }
  bool stuck() const { return moment_tasks_ > kMomentMax; }
  static constexpr std::uint64_t kMomentMax = 300'000;  // a thousand events to six consumers need a tenth of it

 private:
  friend class SimulatedLoop;
  SimulatedLoop* choose(base::MonoTime end);

  SimulatedClock clock_;
  Random random_;
  const bool shuffle_;
  std::vector<std::unique_ptr<SimulatedLoop>> loops_;
  std::vector<SimulatedLoop*> due_;
  SimulatedLoop* running_ = nullptr;
  std::function<void()> after_each_;
  std::uint64_t next_order_ = 1;
  std::uint64_t tasks_ = 0;
  base::MonoTime moment_{};
  std::uint64_t moment_tasks_ = 0;  // since then
};

}  // namespace trunkline::simulation
