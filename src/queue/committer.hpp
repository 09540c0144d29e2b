#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "queue/codec.hpp"
#include "queue/tail_cache.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

struct CommitterOptions {
  base::Millis identity_window = std::chrono::hours(24 * 5);
  std::size_t waiting_bytes_max = 64 << 20;      // of publishes not yet on disk; more are refused with Errc::overloaded
  std::size_t batch_bytes_max = 4 << 20;         // of one write: about 10 ms of disk
  std::uint64_t quarantine_bytes_max = 1 << 30;  // a full quarantine refuses what would be quarantined
  base::Millis reopen_delay = std::chrono::milliseconds(200);  // first pause after a disk error, doubled up to
  base::Millis reopen_delay_max = std::chrono::seconds(5);
  // Null: a thread of its own. Else all work runs as tasks of this loop, on whose thread alone the committer is made,
  // called and destroyed: the simulation, which must say when everything happens.
  base::Loop* runs_on = nullptr;
};

// Upper bounds of the buckets of the sync and batch histograms.
constexpr std::array<double, 10> kSyncSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1};
constexpr std::array<double, 10> kBatchEvents = {1, 2, 4, 8, 16, 32, 64, 128, 512, 2048};
template <std::size_t N>
struct Histogram {
  std::array<std::atomic<std::uint64_t>, N + 1> counts{};
  std::atomic<double> sum{0};
  void observe(double value, const std::array<double, N>& bounds) {
    std::size_t bucket = 0;
    while (bucket < N && value > bounds[bucket]) ++bucket;
    counts[bucket].fetch_add(1, std::memory_order_relaxed);
    sum.store(sum.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);  // one writer
  }
};

// Written by the commit thread, read by anybody.
struct CommitStatistics {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> quarantined{0};       // taken in since start
  std::atomic<std::uint64_t> in_quarantine{0};     // there now
  std::atomic<std::uint64_t> quarantine_bytes{0};  // of them
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> failures{0};  // writes or syncs that failed
  std::atomic<std::uint64_t> reopens{0};
  Histogram<kSyncSeconds.size()> sync_seconds;
  Histogram<kBatchEvents.size()> batch_events;
};

// The one thread that writes. It takes all that waits, checks identities against the store and against what it has
// staged, writes one batch, syncs once, then wakes the waiters of each loop with one post. After a disk error it fails
// all waiters, closes and reopens the store until that works, and has the owner rebuild its memory.
class Committer {
 public:
  struct Hooks {
    // Commit thread, between the sync and the answers: new events for one loop; runs on that loop, before the answers.
    std::function<void(std::size_t loop, const TailBatchPtr&)> on_tail;
    // Commit thread, after a reopen; returns false when memory cannot be rebuilt yet (the store failed again).
    std::function<bool()> on_reopened;
  };

  Committer(store::Store& store, const base::Clock& clock, std::vector<base::Loop*> loops, CommitterOptions options,
            Hooks hooks);
  ~Committer();  // stop()

  // Reads the counters, starts the thread.
  base::Result<void> start();
  // Writes what is waiting, fails what comes later, joins.
  void stop();

  // Any thread. See engine::Engine::publish.
  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done);

  struct WriteOptions {
    std::uint64_t epoch = 0;  // of the memory the batch was made from; another one than now is refused
    // Commit thread, before staging: may look at the store and refuse, or add to the batch.
    std::function<base::Result<void>(store::Batch&)> prepare;
  };
  // Any thread. `done` runs on `reply_on`; with a null loop, on the commit thread.
  void write(store::Batch batch, WriteOptions options, base::Loop* reply_on, engine::DoneCallback done);
  // The same, and waits. Not on the commit thread.
  base::Result<void> write_and_wait(store::Batch batch, std::function<base::Result<void>(store::Batch&)> prepare = {});

  // Commit thread, in a prepare: that many entries leave the quarantine with this batch. Keeps their ids from being
  // given again.
  void left_quarantine(std::uint64_t count, std::uint64_t bytes, store::Batch& batch);

  // Commit thread, in a prepare: the queue is removed. Queues that come and go must not fill the counters, which are
  // written with every commit.
  base::Result<void> forget_routed(base::QueueId queue) {
    routed_.erase(queue);
    return {};
  }

  // Grows with each reopen; starts at 1.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // End of the log; what lies at or below it is on disk.
  base::Sequence end() const { return {end_.load(std::memory_order_acquire)}; }
  // Why publishes are refused at the moment: nothing, Errc::unavailable (disk error) or Errc::disk_full.
  std::optional<base::Errc> refusing() const;
  // Set by the disk budget.
  void refuse_for_budget(bool refuse) { over_budget_.store(refuse, std::memory_order_release); }
  // Any thread.
  void set_quarantine_bytes_max(std::uint64_t bytes) { quarantine_bytes_max_.store(bytes); }
  const CommitStatistics& statistics() const { return statistics_; }
  // Events ever routed to each queue, as on disk. Before start() only, or in on_reopened.
  const std::unordered_map<base::QueueId, std::uint64_t>& routed() const { return routed_; }

 private:
  struct Prepared;
  struct Operation;
  struct Cycle;

  void push(Operation* operation);
  void run();
  // On runs_on: does all that waits; after an error, tries to reopen later.
  void step();
  void reopen_later(base::Millis pause);
  // One write with as much of held_ and of what waits as fits into it. Ends at once after an error.
  void round();
  void fail_held();
  void wait_for_work();
  std::vector<std::unique_ptr<Operation>> take_all();
  base::Result<void> read_counters();
  void run_cycle(std::vector<std::unique_ptr<Operation>> operations);
  base::Result<void> look_up(Cycle& cycle);
  void stage(Cycle& cycle, Operation& operation);
  engine::PublishResult stage_event(Cycle& cycle, Prepared& item);
  // A suppressed one: counted with its stored twin.
  void note_repeat(Cycle& cycle, const event::Event& event, base::Sequence twin, std::int64_t at_ms);
  base::Result<void> stage_repeats(Cycle& cycle);
  engine::PublishResult stage_quarantined(Cycle& cycle, Prepared& item);
  base::Result<void> write_and_sync(Cycle& cycle);
  void complete(Cycle& cycle);
  void fail(Cycle& cycle, const base::Error& error);
  void fail_operation(Operation& operation, const base::Error& error);
  void reopen_until_it_works();
  bool try_reopen(base::Millis pause);
  void reply(base::Loop* loop, base::Task task);

  store::Store& store_;
  const base::Clock& clock_;
  const std::vector<base::Loop*> loops_;
  const CommitterOptions options_;
  Hooks hooks_;
  std::thread thread_;
  std::shared_ptr<Committer*> life_;              // of tasks on runs_on, which may outlive this
  bool stepping_ = false;                         // a step is posted
  bool reopening_ = false;                        // a try is armed
  std::vector<std::unique_ptr<Operation>> held_;  // taken, but over the size of one write; the committer's thread only
  std::atomic<Operation*> waiting_{nullptr};      // newest first
  std::atomic<std::size_t> waiting_bytes_{0};
  int wake_fd_ = -1;
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};  // the thread has ended
  std::atomic<bool> broken_{false};
  std::atomic<bool> disk_full_{false};
  std::atomic<bool> over_budget_{false};
  std::atomic<std::uint64_t> quarantine_bytes_max_;
  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<std::uint64_t> end_{0};
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_quarantine_ = 1;
  std::unordered_map<base::QueueId, std::uint64_t> routed_;
  CommitStatistics statistics_;
};

}  // namespace trunkline::queue
