#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/receipts.hpp"
#include "queue/backup.hpp"
#include "queue/committer.hpp"
#include "queue/queue_core.hpp"
#include "queue/standing.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

struct EmbeddedOptions {
  std::string directory;
  CommitterOptions committer;
  QueueCoreOptions queue;
  std::uint64_t memory_budget = 192 << 20;           // of the store: block cache and memtables
  std::uint64_t write_buffer_bytes = 32 << 20;       // of each family of the store (store::Options)
  std::size_t tail_bytes_max = 32 << 20;             // newest events kept in memory
  std::size_t read_threads = 8;                      // they wait for the disk more than they work
  base::Millis retain = std::chrono::hours(24 * 3);  // settled history is kept that long, disk permitting
  std::uint64_t disk_budget = 0;                     // bytes of the store's files; 0: only min_free bounds it
  // Bytes of the device below which publishes are refused, and that much more as a merge of the identities may need:
  // RocksDB needs room to compact.
  std::uint64_t min_free = 256 << 20;
  base::Millis sweep_interval = std::chrono::seconds(5);
  std::size_t queues_max = 1'000;                    // a queue costs a cursor record a second and some memory
  std::shared_ptr<rocksdb::FileSystem> file_system;  // tests and the crash drill
  // The simulation: loops that run the commits, the reads and the disk guard instead of threads. All loops of the
  // engine and these are on one thread then, and what waits for a loop (statistics_now, drain) must not be called. The
  // store merges no table files.
  struct Steps {
    base::Loop* commits = nullptr;
    base::Loop* reads = nullptr;
    base::Loop* guard = nullptr;
  };
  Steps steps;
};

// The engine on RocksDB: one log, many cursors (DESIGN section 5). Loops are given and outlive the engine; start them
// after open() and stop them after stop().
class EmbeddedEngine final : public engine::Engine, public engine::Receipts {
 public:
  static base::Result<std::unique_ptr<EmbeddedEngine>> open(EmbeddedOptions options, std::vector<base::Loop*> loops,
                                                            const base::Clock& clock);
  ~EmbeddedEngine() override;

  // Writes what is waiting and stops the threads. Open callbacks get Errc::cancelled. Not on a loop.
  void stop();
  // The same without the flush of memory to table files, which a disk that has died takes a second to refuse.
  void abandon();

  std::vector<engine::Capability> capabilities() const override;
  base::Result<base::QueueId> declare(const engine::QueueSpec& spec) override;
  base::Result<void> remove(base::QueueId queue) override;
  base::Loop& loop_of(base::QueueId queue) override;
  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) override;
  void receive(base::QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) override;
  void cancel_receive(base::QueueId queue) override;
  void settle(base::QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
              engine::DoneCallback done) override;
  void extend(base::QueueId queue, std::uint64_t lease, base::Millis visibility_timeout,
              engine::DoneCallback done) override;
  void was_delivered(base::QueueId queue, base::Sequence sequence, std::uint64_t lease,
                     base::UniqueFunction<void(base::Result<bool>)> done) override;
  engine::QueueStatistics statistics(base::QueueId queue) override;
  void dead_letters(base::QueueId queue, engine::Page page, base::Loop& reply_on,
                    base::UniqueFunction<void(base::Result<std::vector<engine::DeadLetter>>)> done) override;
  void redrive(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
               base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override;
  void purge_dead_letters(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                          base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override;
  void edit_dead_letter(base::QueueId queue, base::Sequence sequence, std::string body, base::Loop& reply_on,
                        engine::DoneCallback done) override;
  void summarize_dead_letters(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                              base::UniqueFunction<void(base::Result<engine::DeadLetterSummary>)> done) override;
  void redrive_step(base::QueueId queue, engine::RedriveStep step, base::Loop& reply_on, StepCallback done) override;
  void replay_step(base::QueueId queue, engine::ReplayStep step, base::Loop& reply_on, StepCallback done) override;
  void operation_tally(base::QueueId queue, base::OperationId operation, base::Loop& reply_on,
                       StepCallback done) override;
  void end_operation(base::QueueId queue, base::OperationId operation, bool forget, base::Loop& reply_on,
                     StepCallback done) override;
  void quarantine_list(engine::Page page, base::Loop& reply_on,
                       base::UniqueFunction<void(base::Result<std::vector<engine::Quarantined>>)> done) override;
  void quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, engine::DoneCallback done) override;
  base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) override;
  void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                 base::Loop& reply_on, engine::DoneCallback done) override;
  void update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                    engine::DoneCallback done) override;
  base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) override;
  base::Result<void> remove_state(const std::string& owner) override;
  void write_state(base::QueueId queue, const std::string& owner, std::vector<StateWrite> writes) override;

  // Beyond the port: what operating an embedded store needs.
  const CommitStatistics& commit_statistics() const;
  std::optional<base::Errc> refusing() const;  // why publishes are refused now
  store::Store::Usage usage() const;           // at most a second old; any thread
  base::Sequence end() const;
  // What waits in the queue at this moment, everything counted that was published before. Not on a loop: it waits.
  base::Result<engine::QueueStatistics> statistics_now(base::QueueId queue);
  // The stored events from `first` on, in order, until `take` returns false. Not on a loop: it reads for as long as it
  // takes, a few microseconds an event.
  base::Result<void> read_log(base::Sequence first, const std::function<bool(const engine::Record&)>& take);
  // The first event that was accepted at this time or later, as far as the clock did not jump; behind the end where
  // there is none. Reads some 30 keys.
  base::Result<base::Sequence> first_accepted(base::WallTime from);
  // Everything that was settled until now is on disk when it returns, or the time has passed. Not on a loop. A push settle
  // rides in a later commit, and a stop must not forget it: its event would be sent again.
  void drain(base::Millis within);
  // Any thread; hold from now on.
  void set_limits(base::Millis retain, std::uint64_t disk_budget, std::uint64_t quarantine_bytes_max);
  // Loop thread only: hears there of every commit that adds to the log, in order, before its publishes are answered.
  // One a loop; null ends it, also from inside. After a disk error a commit may be on disk that was never heard of.
  using Observer = std::function<void(const TailBatch& batch)>;
  void observe(base::Loop& loop, Observer observer);
  // The event itself; null where there is none (any more).
  void read_record(base::Sequence sequence, base::Loop& reply_on,
                   base::UniqueFunction<void(base::Result<engine::RecordPtr>)> done);
  // Where an event stands in a queue that it was routed to. Errc::not_found: there is no such queue (any more). Not on a
  // loop: it waits for the queue's.
  base::Result<Standing> standing(base::QueueId queue, const engine::Record& record);
  // Queues that are on disk, declared in this run or not.
  base::Result<std::vector<engine::QueueSpec>> stored_queues() const;
  // A copy of the store, made while it runs (queue/backup.hpp).
  void backup(std::string directory, base::Loop& reply_on, Backup::Callback done);
  store::Store& store();

 private:
  struct Impl;
  explicit EmbeddedEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::queue
