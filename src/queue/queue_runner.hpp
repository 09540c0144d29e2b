#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "queue/committer.hpp"
#include "queue/listing.hpp"
#include "queue/queue_core.hpp"
#include "queue/read_ahead.hpp"
#include "queue/read_pool.hpp"
#include "queue/tail_cache.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// What a loop's queues share. Loop thread only.
struct LoopShared {
  explicit LoopShared(std::size_t tail_bytes_max) : tail(tail_bytes_max) {}
  TailCache tail;
  base::Sequence end;  // of the log, as this loop has heard
};

// What is on disk of one queue.
struct RestoredQueue {
  CursorRecord cursor;
  std::vector<std::pair<base::GroupKey, LaneHeader>> lanes;
  std::vector<Scanned> outstanding;
  struct Operation {
    base::OperationId id;
    StoredOperation stored;
    std::vector<Scanned> outstanding;  // of what it names, what is still in the log
  };
  std::vector<Operation> operations;
  std::vector<std::pair<base::Sequence, StoredReceive>> receives;
  std::vector<std::pair<base::GroupKey, LeftWindow>> left;
};
// A new queue (no cursor record) starts behind `created_after`.
base::Result<RestoredQueue> read_queue(const store::Store& store, base::QueueId id, const engine::QueueSpec& spec,
                                       base::Sequence created_after);

// What a scan says of the event; nothing where it is not in the log (any more).
base::Result<std::optional<Scanned>> scanned_at(const store::Store& store, event::Order order, base::Sequence sequence);

// One queue on its loop: feeds a QueueCore from the tail and the store, answers receives, writes its deltas. All
// methods but statistics() on the loop. Held by shared_ptr; callbacks hold weak ones, so a removed queue goes quietly.
class QueueRunner : public std::enable_shared_from_this<QueueRunner> {
 public:
  struct Context {
    base::Loop& loop;
    store::Store& store;
    Committer& committer;
    ReadPool& reads;
    LoopShared& shared;
  };

  QueueRunner(Context context, base::QueueId id, engine::QueueSpec spec, QueueCoreOptions options);

  // Begins, or begins anew after the store was reopened: every lease of before has ended, receives go on waiting. What
  // was read before a later reopening that has been heard of is of no use, and is ignored.
  void start(RestoredQueue restored, std::uint64_t routed, std::uint64_t epoch);
  void stop();  // open receives and waiting settles get Errc::cancelled

  // From the commit: an event routed to this queue, in order; then the end of what was committed.
  void on_event(const TailEntry& entry);
  void on_end(base::Sequence end);

  void receive(const engine::ReceiveLimits& limits, engine::ReceiveCallback done);
  void cancel_receive();
  void settle(std::uint64_t lease, std::vector<engine::MessageFate> fates, engine::DoneCallback done);
  void extend(std::uint64_t lease, base::Millis visibility_timeout, engine::DoneCallback done);
  // See engine::Receipts.
  void was_delivered(base::Sequence sequence, std::uint64_t lease, base::UniqueFunction<void(base::Result<bool>)> done);
  // Rides in the commit of the settles that come after, or in an earlier one; see engine::Engine::write_state.
  void write_state(const store::Batch& batch) { state_.append(batch); }
  void set_spec(engine::QueueSpec spec);

  using CountCallback = base::UniqueFunction<void(base::Result<std::uint64_t>)>;
  enum class DeadLetterAction : std::uint8_t { redrive, purge, edit };
  // Walks the dead letters there are now, in order, and applies the action to those that match.
  void for_dead_letters(DeadLetterAction action, engine::RedriveFilter filter, CountCallback done);

  // See engine::Engine. The answer comes when the step is on disk.
  void edit_dead_letter(base::Sequence sequence, std::string body, CountCallback done);
  void redrive_step(engine::RedriveStep step, engine::Engine::StepCallback done);
  void replay_step(engine::ReplayStep step, engine::Engine::StepCallback done);
  void operation_tally(base::OperationId operation, engine::Engine::StepCallback done);
  void end_operation(base::OperationId operation, bool forget, engine::Engine::StepCallback done);

  // Expires about `limit` of the oldest waiting events accepted before. Does nothing while what expired last is not on
  // disk yet: it is called again. For max_wait and for a full disk.
  void expire(std::int64_t before_ms, std::size_t limit);

  // `done` runs on the loop when all that was settled until now is on disk, or cannot come there any more.
  void drain(base::Task done);

  std::optional<QueueCore::Place> place(base::GroupKey group, base::Sequence sequence) const {
    return core_ ? core_->place(group, sequence) : std::nullopt;
  }

  engine::QueueStatistics statistics() const;  // any thread
  // On the loop: as of this moment. Errc::unavailable while memory is not what the disk says: before start(), and after
  // a write that failed until it is started anew.
  base::Result<engine::QueueStatistics> statistics_now();
  base::QueueId id() const { return id_; }
  base::Loop& loop() { return context_.loop; }

 private:
  struct Receive {
    engine::ReceiveLimits limits;
    engine::ReceiveCallback done;
    base::Loop::TimerId timer = 0;
    std::uint64_t id = 0;
  };
  struct Fetch;
  struct Reading;
  struct Walk;

  void pump_later();
  void pump();
  void set_live(bool live);
  void scan_more();
  void scan_tail();
  void scan_store();
  void load_rows();
  void answer_receives();
  // ---- of what is given out, see queue_runner_reads.cpp
  void hand_out(std::vector<LeaseDraft> drafts, engine::ReceiveCallback done);
  engine::RecordPtr in_memory(base::Sequence sequence);
  void read(const std::shared_ptr<Reading>& reading, std::size_t part_least);
  static base::Result<void> read_part(const store::Store& store, base::QueueId id, Reading& reading, std::size_t first,
                                      std::size_t end);
  static base::Result<void> walk_part(const store::Store& store, base::QueueId id, Reading& reading, std::size_t first,
                                      std::size_t end);
  void fetch(std::shared_ptr<Fetch> fetch);
  void read_ahead();
  void fetch_rest(const std::shared_ptr<Fetch>& fetch);
  void give(std::shared_ptr<Fetch> fetch);
  void give_back(Fetch& fetch, const base::Error& error);
  void flush_soon();
  void flush();
  void flushed(std::uint64_t delta, std::uint64_t epoch, const base::Result<void>& result,
               std::vector<engine::DoneCallback> waiters);
  void arm_deadline();
  void maintain();
  void find_oldest_row();
  void name_blockers();
  void publish_statistics();
  engine::QueueStatistics count() const;
  void begin_walk(std::shared_ptr<Walk> walk);
  void walk(std::shared_ptr<Walk> walk);
  void read_for(const std::shared_ptr<Walk>& walk);
  void apply(const std::shared_ptr<Walk>& walk, DeadLetterChunk chunk);
  void apply_replay(const std::shared_ptr<Walk>& walk, const std::vector<Scanned>& events, std::uint64_t passed);
  void end_walk(const std::shared_ptr<Walk>& walk);
  bool has_ended(base::OperationId operation) const;
  engine::StepResult step_result(base::OperationId operation, bool ended) const;
  void read_failed(std::string_view what, const base::Error& error);
  Now now() const { return now_of(context_.loop.clock()); }

  // Runs a task of this queue later, if it is still there and nothing was reopened in between.
  template <class F>
  base::Task guarded(F&& function) {
    return [weak = weak_from_this(), epoch = epoch_, function = std::forward<F>(function)]() mutable {
      if (const auto self = weak.lock(); self && self->epoch_ == epoch && self->running_) function(*self);
    };
  }

  const Context context_;
  const base::QueueId id_;
  engine::QueueSpec spec_;
  const QueueCoreOptions options_;
  std::unique_ptr<QueueCore> core_;
  bool running_ = false;
  std::uint64_t epoch_ = 0;
  std::uint64_t routed_ = 0;
  std::uint64_t routed_counted_ = 0;  // of them, in the delivery window
  bool live_ = false;                 // the core has scanned all that the loop has heard of
  bool scanned_live_ = false;         // since the last on_end()
  bool pumping_ = false;              // a pump is posted
  bool scanning_ = false;             // a read of the store is under way
  bool paused_by_error_ = false;
  std::size_t loads_ = 0;
  std::deque<Receive> receives_;
  std::uint64_t next_receive_ = 1;
  ReadAhead ahead_;
  // For what is being read ahead; null: nothing is.
  std::shared_ptr<std::vector<std::shared_ptr<Fetch>>> ahead_waiting_;
  bool flushing_ = false;
  bool flush_timer_ = false;
  std::vector<engine::DoneCallback> waiters_;  // of the delta that is being collected
  store::Batch state_;                         // goes with it
  base::Loop::TimerId deadline_timer_ = 0;
  base::MonoTime deadline_{};
  bool maintaining_ = false;
  bool seeking_oldest_ = false;
  bool expiring_ = false;
  std::optional<std::int64_t> oldest_row_ms_;
  std::map<base::Sequence, std::string> blocked_groups_;  // of the blockers, by head
  bool walking_ = false;
  std::deque<std::shared_ptr<Walk>> walks_;

  mutable std::mutex statistics_mutex_;  // guards the snapshot only
  engine::QueueStatistics snapshot_;
  base::MonoTime snapshot_at_{};
};

}  // namespace trunkline::queue
